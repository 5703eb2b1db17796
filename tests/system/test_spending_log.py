"""A worker with a daily budget starts from a snapshot of the spending, and reads no history before it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from headrace.schemas.cloudevents import timestamp
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.producer import AsyncProducer
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.serde.codec import load as load_codec
from headrace.schemas.serde.codec import to_producer_record
from headrace.streams.costs.daily_budget import REPEAT_SECONDS, DailyBudget
from headrace.streams.pipeline import DEFAULT_STAGES
from headrace.streams.worker.spending_log import SNAPSHOT_RECORDS, SpendingLog
from tests.support.prices import PRICES
from tests.support.process import wait_for
from tests.support.records import asset, envelope
from tests.system.conftest import separate_cluster
from tests.unit.console.asset_history import labelled

RESULTS = 3 * SNAPSHOT_RECORDS
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
BEFORE = NOON - timedelta(seconds=2 * REPEAT_SECONDS)
USD = 0.25


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    with separate_cluster(tmp_path_factory.mktemp("spending")) as cluster:
        yield KafkaSettings(bootstrap_servers=cluster["HEADRACE_BOOTSTRAP_SERVERS"])


def pay(settings: KafkaSettings, number: int, at: datetime, prefix: str) -> None:
    """Write results that cost `USD` each, which were sent at a time."""
    producer, encoder = clients.producer(settings), load_codec()
    for each in range(number):
        event = labelled(asset(f"{prefix}/{each}.jpg"), USD)
        metadata = envelope(event, id=f"{prefix}-{each}", source="headrace/labels", time=timestamp(at))
        sent = to_producer_record(event, metadata, encoder)
        when = int(at.timestamp() * 1000)
        while True:
            try:
                producer.produce(sent.topic, sent.value, sent.key, headers=list(sent.headers), timestamp=when)
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(60) == 0


def started(settings: KafkaSettings) -> tuple[DailyBudget, SpendingLog]:
    """Start to follow the spending as a worker does, and read it to its end."""
    day = DailyBudget(1_000_000.0, load_codec(), PRICES)
    log = SpendingLog(settings, day, DEFAULT_STAGES, lambda: NOON)
    assert log.follower.start(300)
    return day, log


async def test_second_worker_reads_what_follows_the_snapshot_of_the_first(settings: KafkaSettings) -> None:
    pay(settings, RESULTS, BEFORE, "before")
    day, log = started(settings)
    assert (day.spent(NOON), log.follower.records) == (RESULTS * USD, RESULTS)
    producer = AsyncProducer(clients.producer(settings))
    await log.write_snapshot(producer)
    wait_for(lambda: log.follower.records == RESULTS + 1, "the snapshot on the log")
    pay(settings, 3, NOON, "after")
    wait_for(lambda: day.spent(NOON) == (RESULTS + 3) * USD, "the newest results")
    await log.write_snapshot(producer)  # there is one of almost all records
    log.follower.stop()

    again, second = started(settings)
    assert again.spent(NOON) == (RESULTS + 3) * USD
    assert second.follower.records <= 3 + 1, "the results and the snapshot after it"
    second.follower.stop()
