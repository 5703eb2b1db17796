"""Tests of reading the log for the projector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from confluent_kafka import KafkaError

from headrace.console.views.log_source import BATCH, BATCH_BYTES, LogSource
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.broker_watch import ClientStuckError
from headrace.schemas.kafka.settings import KafkaSettings

PLACE = ("media.uploaded", 2)


@dataclass(frozen=True)
class Message:
    """A message of confluent-kafka: a record, or the end of its partition."""

    at: int
    is_end: bool = False
    content: bytes = b"value"

    def __len__(self) -> int:
        return len(self.content)

    def topic(self) -> str:
        return PLACE[0]

    def partition(self) -> int:
        return PLACE[1]

    def offset(self) -> int:
        return self.at

    def error(self) -> KafkaError | None:
        return KafkaError(KafkaError._PARTITION_EOF) if self.is_end else None

    def timestamp(self) -> tuple[int, int]:
        return 1, 1000

    def key(self) -> bytes:
        return b"key"

    def value(self) -> bytes:
        return self.content

    def headers(self) -> None:
        return None


class ScriptedConsumer:
    """A consumer that has fetched some messages."""

    def __init__(self, messages: list[Message]) -> None:
        self.messages = messages

    def consume(self, count: int, _seconds: float) -> list[Message]:
        taken, self.messages = self.messages[:count], self.messages[count:]
        return taken

    def incremental_assign(self, _partitions: list[Any]) -> None: ...

    def get_watermark_offsets(self, _place: Any, cached: bool) -> tuple[int, int]:
        return 0, 9


def source(monkeypatch: pytest.MonkeyPatch, *messages: Message) -> LogSource:
    monkeypatch.setattr(clients, "simple_consumer", lambda *_, **__: ScriptedConsumer(list(messages)))
    monkeypatch.setattr(clients, "admin", lambda _: None)
    monkeypatch.setattr(clients, "partition_counts", lambda *_, **__: {PLACE[0]: 3})
    return LogSource(KafkaSettings(bootstrap_servers="unused:1"), [PLACE[0]], lambda _: {})


def test_end_after_the_last_record_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    poll = source(monkeypatch, Message(0), Message(1, is_end=True)).poll(1)
    assert ([record.offset for record in poll.records], poll.finished) == ([0], {PLACE: 1})


def test_end_before_a_new_record_is_outdated(monkeypatch: pytest.MonkeyPatch) -> None:
    poll = source(monkeypatch, Message(1, is_end=True), Message(1)).poll(1)
    assert ([record.offset for record in poll.records], poll.finished) == ([1], {})


@pytest.mark.parametrize(("size", "taken"), [(10, BATCH), (1 << 20, 250), (BATCH_BYTES // 900, 1000)])
def test_a_poll_is_bounded_by_records_and_bytes(monkeypatch: pytest.MonkeyPatch, size: int, taken: int) -> None:
    content = bytes(size)
    reader = source(monkeypatch, *(Message(offset, content=content) for offset in range(BATCH + 10)))
    records = reader.poll(1).records
    assert [record.offset for record in records] == list(range(taken))
    assert reader.poll(1).records[0].offset == taken


class StuckConsumer(ScriptedConsumer):
    """A consumer that loses its brokers after its messages."""

    def __init__(self, messages: list[Message]) -> None:
        super().__init__(messages)
        self.closed = False

    def consume(self, count: int, seconds: float) -> list[Message]:
        if not self.messages:
            raise ClientStuckError
        return super().consume(count, seconds)

    def close(self) -> None:
        self.closed = True


def test_stuck_consumer_is_replaced_at_the_stored_offsets(monkeypatch: pytest.MonkeyPatch) -> None:
    log = source(monkeypatch)
    monkeypatch.setattr(log, "_load", lambda places: dict.fromkeys(places, 7))
    log.poll(0)
    stuck, assigned = StuckConsumer([Message(6)]), list[tuple[str, int, int]]()
    log._consumer = stuck  # type: ignore[assignment]
    monkeypatch.setattr(
        ScriptedConsumer,
        "assign",
        lambda _, partitions: assigned.extend((each.topic, each.partition, each.offset) for each in partitions),
        raising=False,
    )
    monkeypatch.setattr(clients, "simple_consumer", lambda *_, **__: ScriptedConsumer([Message(7)]))

    assert [record.offset for record in log.poll(0).records] == [6]
    assert log.poll(0).records == []
    assert stuck.closed
    assert sorted(assigned) == [(PLACE[0], partition, 7) for partition in range(3)]
    assert [record.offset for record in log.poll(0).records] == [7]
