"""The consumer commits what the offset tracker allows, through every rebalance."""

from __future__ import annotations

import ssl
from typing import Any, cast

import pytest
from faust.types import TP
from structlog.testing import capture_logs

from headrace.schemas.kafka.settings import KafkaSettings
from headrace.streams.engine.account import Account, from_metadata, to_metadata
from headrace.streams.engine.losses import LostRange
from headrace.streams.engine.scheduler import KeyedScheduler, RecordHandler
from headrace.streams.kafka.consumer import BatchConsumer
from headrace.streams.kafka.deleted_topics import LogTruncatedError, forget_deleted
from headrace.streams.kafka.faust_app import credentials
from tests.unit.streams.kafka.fakes import END, Kafka, consumer, nothing


async def test_partition_starts_at_its_committed_offset(scheduler: KeyedScheduler) -> None:
    tp = TP("media.ready", 0)
    await consumer(scheduler, Kafka({tp: 7})).perform_seek()
    assert scheduler.committable(tp) == 7


@pytest.mark.parametrize("committed", [None, 0])
async def test_partition_without_a_committed_offset_starts_at_its_beginning(
    scheduler: KeyedScheduler, committed: int | None
) -> None:
    tp = TP("labels.retry", 2)
    kafka = Kafka({tp: committed}, begin=3, end=3)
    await consumer(scheduler, kafka).perform_seek()
    assert kafka.sought == {tp: 3}
    assert scheduler.committable(tp) == 3


def with_losses() -> tuple[KeyedScheduler, list[LostRange]]:
    """A scheduler and the losses that it records."""
    losses: list[LostRange] = []

    async def lost(loss: LostRange) -> None:
        losses.append(loss)

    return KeyedScheduler(RecordHandler(nothing, nothing, lambda _: 0.0, lost), 1, 1 << 20, 60.0), losses


@pytest.mark.parametrize("committed", [0, 3])
async def test_records_deleted_behind_the_committed_offset_are_lost(committed: int) -> None:
    scheduler, losses = with_losses()
    tp = TP("media.uploaded", 1)
    kafka = Kafka({tp: committed}, begin=10)
    kafka.accounts[tp] = to_metadata(Account(done=committed, time=5.0))

    await consumer(scheduler, kafka).perform_seek()

    assert losses == [LostRange("media.uploaded", 1, committed, 10, 5.0)]
    assert kafka.sought == {tp: 10}
    offset, metadata = scheduler.account((tp.topic, tp.partition)) or (0, "")
    account = from_metadata(metadata)
    assert (offset, account) == (10, Account(done=committed, lost=10 - committed, time=5.0))
    assert account is not None
    assert (account.finished, account.unaccounted(offset)) == (committed, 0)


async def test_records_deleted_while_a_stage_runs_are_lost() -> None:
    scheduler, losses = with_losses()
    kafka = Kafka({TP("media.ready", 0): 7})
    reading = await flowing(scheduler, kafka)
    assert await fetched(reading, kafka, 7) == [7]
    kafka.begin = 15

    assert await fetched(reading, kafka, 17) == []
    assert await fetched(reading, kafka, 17) == [17]

    assert losses == [LostRange("media.ready", 0, 8, 15, 0.0, 0.0)]
    offset, metadata = scheduler.account(("media.ready", 0)) or (0, "")
    assert offset == 7
    assert from_metadata(metadata) == Account(7, before=7)


async def test_new_group_loses_nothing() -> None:
    scheduler, losses = with_losses()
    await consumer(scheduler, Kafka({TP("media.ready", 0): None}, begin=10)).perform_seek()

    assert losses == []


async def test_truncated_log_is_read_again_from_the_last_finished_record() -> None:
    """New records took offsets that the stage had committed; seeking to the committed offset would skip them."""
    scheduler, losses = with_losses()
    tp = TP("media.ready", 0)
    kafka = Kafka({tp: 70})
    kafka.input_end = 60
    kafka.accounts[tp] = to_metadata(Account(done=70, time=5_000.0))
    reading = consumer(scheduler, kafka)

    await reading.perform_seek()

    assert kafka.asked.count("since [4400.0]") == 1
    assert kafka.sought == {tp: 58}
    assert scheduler.account(("media.ready", 0)) == (58, to_metadata(Account(58, before=70)))
    assert reading._should_commit(tp, 59)
    assert losses == []


@pytest.mark.parametrize("offsets", [[0, 1], []])
async def test_log_that_ends_before_the_fetched_offset_ends_the_stage(offsets: list[int]) -> None:
    """aiokafka goes on at the beginning of the log, whose records would be taken for old ones."""
    scheduler, losses = with_losses()
    tp = TP("media.ready", 0)
    kafka = Kafka({tp: 7})
    reading = await flowing(scheduler, kafka)
    assert await fetched(reading, kafka, 7, 8) == [7, 8]
    assert await fetched(reading, kafka, 7, 8) == []  # fetched again: the log is not truncated
    kafka.input_end, kafka.position = 2, {tp: 0}

    with pytest.raises(LogTruncatedError, match=r"media\.ready/0 ends at offset 2"):
        await fetched(reading, kafka, *offsets)

    assert losses == []


async def test_unfinished_records_of_a_deleted_topic_are_lost_and_its_offset_is_forgotten() -> None:
    scheduler, losses = with_losses()
    deleted, kept = TP("media.ready", 0), TP("labels.retry", 0)
    kafka = Kafka({deleted: 7, kept: 3})
    kafka.accounts[deleted] = to_metadata(Account(done=7, time=5.0))
    reading = consumer(scheduler, kafka)
    await reading.perform_seek()
    kafka.offsets[deleted] = None

    with capture_logs() as logs:
        await forget_deleted(cast(Any, kafka), scheduler, [deleted, kept])

    assert losses == [LostRange("media.ready", 0, 7, END, 5.0)]
    assert scheduler.assigned() == [kept]
    assert [line["event"] for line in logs] == ["topic_deleted"]


@pytest.mark.parametrize(
    "metadata", ["", "no JSON", '{"done": -1}', '{"start": 99}', '{"time": 1e300}', "[]", "x" * 10_000, "\udcff"]
)
async def test_offset_that_another_program_committed_starts_a_new_account(
    scheduler: KeyedScheduler, metadata: str
) -> None:
    tp = TP("media.ready", 0)
    kafka = Kafka({tp: 7}, begin=2)
    kafka.accounts[tp] = metadata

    await consumer(scheduler, kafka).perform_seek()

    assert scheduler.account(("media.ready", 0)) == (7, to_metadata(Account(7, before=5)))


async def fetched(of: BatchConsumer, kafka: Kafka, *offsets: int) -> list[int]:
    """Fetch once and return the offsets delivered to the scheduler."""
    kafka.fetches.append(list(offsets))
    delivered = []
    async for _, event in of.getmany(0):
        batch: Any = event.value
        assert of.stage_scheduler.deliver(batch.assignment, batch.start, batch.records)
        delivered += [record.offset for record in batch.records]
    return delivered


async def flowing(scheduler: KeyedScheduler, kafka: Kafka) -> BatchConsumer:
    """A consumer whose partitions are assigned and which may fetch."""
    made = consumer(scheduler, kafka)
    vars(made)["_active_partitions"] = kafka.assignment()
    made.resume_flow()
    return made


async def test_reads_on_from_the_committed_offset(scheduler: KeyedScheduler) -> None:
    kafka = Kafka({TP("media.ready", 0): 7})
    reading = await flowing(scheduler, kafka)
    assert await fetched(reading, kafka, 7, 8) == [7, 8]
    assert await fetched(reading, kafka, 8, 9) == [9]


async def test_refetches_records_of_the_previous_assignment(scheduler: KeyedScheduler) -> None:
    tp = TP("media.ready", 0)
    kafka = Kafka({tp: 7})
    reading = await flowing(scheduler, kafka)
    assert await fetched(reading, kafka, 7) == [7]
    await reading.perform_seek()
    assert await fetched(reading, kafka, 7) == [7]


@pytest.mark.parametrize("ordered", [True, False])
async def test_new_assignment_seeks_all_partitions_before_fetching(ordered: bool) -> None:
    own = KeyedScheduler(RecordHandler(nothing, nothing, lambda _: 0.0), 1, 1 << 20, 60.0, ordered=ordered)
    kafka = Kafka({TP("media.ready", 0): None, TP("labels.retry", 0): 2}, end=3)
    await consumer(own, kafka).perform_seek()
    assert len(kafka.asked) > 2
    assert kafka.asked[-1] == "committed"


async def test_rebalance_may_revoke_partitions_while_a_new_assignment_seeks(
    scheduler: KeyedScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    tps = [TP("media.ready", number) for number in range(3)]
    kafka = Kafka(dict.fromkeys(tps, 0), begin=3, end=3)
    reading = consumer(scheduler, kafka)
    seek_in_thread = kafka.seek_in_thread

    async def committed(_: object) -> bool:
        return True

    async def revoked_meanwhile(tp: TP, offset: int) -> None:
        await seek_in_thread(tp, offset)
        await reading.on_partitions_revoked(set(tps))

    monkeypatch.setattr(kafka, "commit", committed, raising=False)
    monkeypatch.setattr(kafka, "seek_in_thread", revoked_meanwhile)
    await reading.perform_seek()
    assert len(kafka.sought) == 1


@pytest.mark.parametrize("seconds", [6.0, 91.0, 1800.0])
async def test_any_session_timeout_is_valid(scheduler: KeyedScheduler, seconds: float) -> None:
    conf = consumer(scheduler, Kafka({}, begin=0, end=0), seconds).app.conf
    assert conf.broker_heartbeat_interval < seconds == conf.broker_session_timeout <= conf.broker_request_timeout


async def test_ordered_stage_reads_its_retries_before_its_input(scheduler: KeyedScheduler) -> None:
    source, retry = TP("media.ready", 0), TP("labels.retry", 0)
    ordered = KeyedScheduler(RecordHandler(nothing, nothing, lambda _: 0.0), 1, 1 << 20, 60.0, ordered=True)
    await consumer(ordered, Kafka({source: 7, retry: 2}, end=3)).perform_seek()
    assert not ordered.has_room((source.topic, source.partition))
    await consumer(ordered, Kafka({source: 7, retry: 3}, end=3)).perform_seek()
    assert ordered.has_room((source.topic, source.partition))


async def test_expired_retry_topic_does_not_block_the_input(scheduler: KeyedScheduler) -> None:
    source, retry = TP("media.ready", 0), TP("labels.retry", 0)
    ordered = KeyedScheduler(RecordHandler(nothing, nothing, lambda _: 0.0), 1, 1 << 20, 60.0, ordered=True)
    await consumer(ordered, Kafka({source: 7, retry: 2}, begin=9, end=9)).perform_seek()
    assert ordered.has_room((source.topic, source.partition))


async def test_refetches_skipped_records(scheduler: KeyedScheduler) -> None:
    tp = TP("media.ready", 0)
    kafka = Kafka({tp: 7})
    reading = await flowing(scheduler, kafka)
    assert await fetched(reading, kafka, 9, 10) == []
    assert kafka.sought == {tp: 7}
    assert await fetched(reading, kafka, 7, 8, 9, 10) == [7, 8, 9, 10]


async def test_accepts_a_gap_seen_twice(scheduler: KeyedScheduler) -> None:
    kafka = Kafka({TP("media.ready", 0): 7})
    reading = await flowing(scheduler, kafka)
    assert await fetched(reading, kafka, 9, 10) == []
    assert await fetched(reading, kafka, 9, 10) == [9, 10]


async def test_refetches_records_skipped_twice(scheduler: KeyedScheduler) -> None:
    kafka = Kafka({TP("media.ready", 0): 7})
    reading = await flowing(scheduler, kafka)
    assert await fetched(reading, kafka, 9, 10) == []
    assert await fetched(reading, kafka, 11, 12) == []
    assert await fetched(reading, kafka, 7, 8) == [7, 8]


async def test_refetches_a_batch_that_was_never_delivered(scheduler: KeyedScheduler) -> None:
    tp = TP("media.ready", 0)
    kafka = Kafka({tp: 7})
    reading = await flowing(scheduler, kafka)
    kafka.fetches = [[7, 8], [9]]
    async for _ in reading.getmany(0):
        """The agent does not receive it."""
    async for _, event in reading.getmany(0):
        batch: Any = event.value
        assert not scheduler.deliver(batch.assignment, batch.start, batch.records)
        await reading.rewind(tp)
    assert await fetched(reading, kafka, 7, 8, 9) == [7, 8, 9]


def test_metadata_expires_within_ten_seconds(scheduler: KeyedScheduler) -> None:
    of = consumer(scheduler, Kafka({}))
    assert of.app.conf.consumer_metadata_max_age_ms <= 10_000


def secured(**security: Any) -> KafkaSettings:
    """Settings of a cluster with TLS or a login."""
    return KafkaSettings(bootstrap_servers="kafka:9092", **security)


def test_faust_uses_the_configured_login() -> None:
    login = {"kafka_sasl": "SCRAM-SHA-256", "kafka_user": "worker", "kafka_password": "hunter2"}

    found = credentials(secured(**login))
    assert (found.protocol.value, found.mechanism.value) == ("SASL_PLAINTEXT", "SCRAM-SHA-256")
    assert (found.username, found.password) == ("worker", "hunter2")

    found = credentials(secured(**login, kafka_tls=True))
    assert found.protocol.value == "SASL_SSL"
    assert found.ssl_context.verify_mode == ssl.CERT_REQUIRED
    assert found.ssl_context.check_hostname


def test_tls_verifies_the_broker_certificate() -> None:
    found = credentials(secured(kafka_tls=True))

    assert found.protocol.value == "SSL"
    assert found.context.verify_mode == ssl.CERT_REQUIRED


def test_plaintext_cluster_needs_no_credentials() -> None:
    assert credentials(secured()) is None


async def further_than_delivered(scheduler: KeyedScheduler, position: int) -> tuple[BatchConsumer, Kafka]:
    """Return a consumer at offset 5 whose client has a higher position after an empty fetch."""
    tp = TP("media.ready", 0)
    kafka = Kafka({tp: 5})
    of = await flowing(scheduler, kafka)
    kafka.position = {tp: position}
    assert await fetched(of, kafka) == []
    assert kafka.sought == {tp: 5}
    return of, kafka


async def test_refetches_records_dropped_during_rebalance(
    scheduler: KeyedScheduler,
) -> None:
    of, kafka = await further_than_delivered(scheduler, 9)
    assert await fetched(of, kafka, 5, 6, 7, 8) == [5, 6, 7, 8]
    kafka.sought.clear()
    assert await fetched(of, kafka) == []
    assert kafka.sought == {}


async def test_accepts_a_position_without_records_seen_twice(
    scheduler: KeyedScheduler,
) -> None:
    of, kafka = await further_than_delivered(scheduler, 6)
    kafka.sought.clear()
    assert await fetched(of, kafka) == []
    assert kafka.sought == {}
    assert await fetched(of, kafka, 6, 7) == [6, 7]


async def test_faust_keeps_no_state_of_an_acknowledged_batch(scheduler: KeyedScheduler) -> None:
    tp = TP("media.ready", 0)
    kafka = Kafka({tp: 0})
    of = await flowing(scheduler, kafka)
    cast(Any, of.app.topics)._acking_topics.add(tp.topic)
    kafka.fetches.append([0, 1])
    [event] = [event async for _, event in of.getmany(0)]
    of.track_message(event)
    of.ack(event)
    assert event.acked
    assert not any((of._acked, of._acked_index, of._unacked_messages))
