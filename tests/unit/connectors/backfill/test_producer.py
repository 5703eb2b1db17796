"""A checkpoint is written only after Kafka has acknowledged every earlier record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError

from headrace.connectors.backfill.checkpoint import BackfillError, Checkpoint
from headrace.connectors.backfill.events import to_event
from headrace.connectors.backfill.listing import BucketPrefix, ListedObject
from headrace.connectors.backfill.producer import NEEDED, BackfillProducer
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.serde.schema_topic import publish_schemas
from tests.support.recorded_spans import recording

UPLOAD = to_event(BucketPrefix("media"), ListedObject("a.jpg", 10, "e1", datetime(2026, 3, 14, tzinfo=UTC)))
TOO_LARGE = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE, "too large")
CLUSTER = KafkaSettings(bootstrap_servers="127.0.0.1:9")


class Producer:
    """A stub of librdkafka that can be full, silent or failing. Records its calls."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.refusal: KafkaError | None = None
        self.silent = False
        self.full = 0
        self._waiting: list[Callable[[object, object], None]] = []

    def produce(self, topic: str, *_: object, on_delivery: Callable[[object, object], None], **__: object) -> None:
        if self.full:
            self.full -= 1
            raise BufferError
        self._waiting.append(on_delivery)
        self.done.append(topic)

    def poll(self, _: float) -> None:
        self.done.append("poll")

    def flush(self, _: float) -> int:
        self.done.append("flush")
        if self.silent:
            return len(self._waiting)
        for delivered in self._waiting:
            delivered(self.refusal, None)
        self._waiting.clear()
        return 0


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> Producer:
    producer = Producer()
    monkeypatch.setattr("headrace.schemas.kafka.clients.producer", lambda _: producer)
    monkeypatch.setattr(
        "headrace.schemas.kafka.clients.partition_counts", lambda *_: {topic.name: 1 for topic in NEEDED}
    )
    monkeypatch.setattr(
        "headrace.connectors.backfill.producer.publish_missing_schemas",
        lambda _, published, timeout: publish_schemas(cast(Any, producer), published, timeout),
    )
    return producer


def sender(producer: Producer) -> BackfillProducer:
    """A sender whose schemas are published."""
    found = BackfillProducer(CLUSTER)
    producer.done.clear()
    return found


def test_schemas_are_registered_before_the_first_record(producer: Producer) -> None:
    BackfillProducer(CLUSTER)

    assert set(producer.done[:-1]) == {"system.schemas"}
    assert producer.done[-1] == "flush"


def test_checkpoint_is_sent_after_its_records_and_save_waits_for_it(producer: Producer) -> None:
    log = sender(producer)
    log.send(UPLOAD)
    log.save(Checkpoint("b"))

    assert producer.done == ["media.uploaded", "flush", "system.backfills", "flush"]


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ({"refusal": TOO_LARGE}, "too large"),
        ({"silent": True}, "no answer in 60 s"),
    ],
)
def test_failed_record_prevents_the_checkpoint(producer: Producer, trouble: dict[str, Any], reason: str) -> None:
    log = sender(producer)
    for name, value in trouble.items():
        setattr(producer, name, value)
    log.send(UPLOAD)

    with pytest.raises(BackfillError, match=f"{reason}; run the command again to continue"):
        log.save(Checkpoint("b"))

    assert "system.backfills" not in producer.done


def test_full_producer_queue_is_waited_for(producer: Producer) -> None:
    log = sender(producer)
    producer.full = 2
    log.send(UPLOAD)

    assert producer.done == ["poll", "poll", "media.uploaded"]


def test_missing_topics_are_named_with_the_fix(producer: Producer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.schemas.kafka.clients.partition_counts", lambda *_: {"system.schemas": 1})

    with pytest.raises(BackfillError, match=r"media\.uploaded, system\.backfills \(headrace topics apply\)"):
        BackfillProducer(CLUSTER)
    assert producer.done == []


def test_each_acknowledged_record_is_the_first_span_of_its_trace(producer: Producer) -> None:
    with recording() as (tracer, ended):
        found = BackfillProducer(CLUSTER, tracer)
        found.send(UPLOAD)
        assert not tracer._spans, "it ends with the acknowledgement"
        found.save(Checkpoint("c"))
        [span] = ended()
    assert (span.name, span.kind, span.parent_id) == ("backfill publish", "producer", "")
    assert span.context.traceparent == UPLOAD[1].traceparent
    assert span.attributes["headrace.key"] == "media/a.jpg"
