"""A worker reads at its start what is open, not what has ever happened."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka.cimpl import NewTopic

from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.records import JobStarted
from headrace.schemas.serde import catalog
from headrace.schemas.serde.schema_topic import publish_schemas
from headrace.streams import pipeline
from headrace.streams.costs.prices import load_price_list
from headrace.streams.limits.slot_records import Claim, End, SlotRecord, Start, to_record
from headrace.streams.settings import StreamSettings
from headrace.streams.worker.runtime import WorkerRuntime
from tests.support.brokers import brokers
from tests.support.process import wait_for
from tests.support.records import CODEC, asset, job_finished

FINISHED, OPEN = 3_000, 10
SCHEMAS = len(catalog.versions())
ALLOWED = OPEN + SCHEMAS + 100
"""Open jobs, schemas, and the records of the segment that Kafka still writes."""
SOONER = {"segment.ms": "500", "delete.retention.ms": "0"}
"""As in the product, but within seconds."""
PAST = datetime.now(UTC) - timedelta(hours=1)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    with brokers(tmp_path_factory.mktemp("start")) as running:
        settings = KafkaSettings(bootstrap_servers=running.bootstrap_servers)
        table = topics.table(stage.name for stage in pipeline.stages())
        admin = clients.admin(settings)
        slots = NewTopic(topics.SLOTS.name, 1, 1, config={**topics.SLOTS.config, **SOONER})
        admin.create_topics([slots])[topics.SLOTS.name].result()
        clients.create_topics(admin, table, 1)
        publish_schemas(clients.producer(settings), catalog.versions())
        yield settings


def token(number: int) -> str:
    return f"labels-{number:040x}"


def write_history(settings: KafkaSettings) -> None:
    """Write finished jobs, of an hour ago, and a few that run."""
    producer = clients.producer(settings)
    offset = 0

    def send(record: ProducerRecord, at: datetime) -> None:
        producer.produce(
            record.topic, record.value, record.key, headers=list(record.headers), timestamp=int(at.timestamp() * 1000)
        )
        producer.poll(0)

    def append(name: str, content: SlotRecord) -> None:
        nonlocal offset
        send(to_record(name, content), datetime.now(UTC))
        offset += 1

    for number in range(FINISHED + OPEN):
        append(token(number), Claim("w1"))
        append(token(number), Start("w1", offset - 1, PAST, PAST + timedelta(hours=9)))
        if number >= FINISHED:
            continue
        append(token(number), End())
        started = JobStarted(
            asset=asset(),
            stage="labels",
            token=token(number),
            partition=0,
            service="rekognition",
            operation="StartLabelDetection",
            job_id="j",
            started_at=PAST,
            deadline_at=PAST + timedelta(hours=6),
        )
        key = token(number).encode()
        send(ProducerRecord(topics.JOBS_STARTED.name, key, CODEC.encode(started)), PAST)
        send(ProducerRecord(topics.JOBS_FINISHED.name, key, CODEC.encode(job_finished(token(number)))), PAST)
    assert producer.flush(60) == 0
    time.sleep(1.0)
    send(to_record("worker/w1", End()), datetime.now(UTC))  # closes the segment
    assert producer.flush(60) == 0


def records_read_at_start(settings: KafkaSettings) -> int:
    deployment = pipeline.Deployment(pipeline.stages(), load_price_list())
    [stage] = pipeline.get_stages(["labels"], deployment.stages)
    runtime = WorkerRuntime([stage], deployment, StreamSettings(results_bucket="unused"), settings)
    try:
        runtime.start()
        wait_for(lambda: not runtime.catching_up(), "the limits of paid work")
        return sum(follower.records for follower in runtime.followers)
    finally:
        runtime.stop()


def test_records_read_at_start_do_not_grow_with_finished_jobs(cluster: KafkaSettings) -> None:
    empty = records_read_at_start(cluster)
    write_history(cluster)

    def few() -> int:
        records = records_read_at_start(cluster)
        return records if records <= ALLOWED else 0

    assert empty <= SCHEMAS
    assert wait_for(few, f"a start that reads at most {ALLOWED} records", 60) >= OPEN
