"""What the door to Faust adds to it: offsets that follow our marks, through every rebalance."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, cast

import pytest
import uvloop
from faust.types import TP

from headrace.schemas import topics
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord
from headrace.streams.engine.outcome import RecordDisposition
from headrace.streams.engine.scheduler import KeyedScheduler, RecordHandler
from headrace.streams.kafka.consumer import BatchConsumer
from headrace.streams.kafka.faust_app import create_app, credentials
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import Stage, Transform


async def nothing(_: ConsumerRecord) -> RecordDisposition:
    return RecordDisposition.DONE


class Kafka:
    """A cluster's side of a consumer: committed offsets, the beginning of each log, and what a fetch gives."""

    def __init__(self, committed: dict[TP, int | None], begin: int = 0, end: int = 0) -> None:
        self.committed = committed
        self.begin = begin
        self.end = end
        self.sought: dict[TP, int] = {}
        self.asked: list[str] = []
        self.fetches: list[list[int]] = []
        self.position: dict[TP, int] = {}

    def assignment(self) -> set[TP]:
        return set(self.committed)

    async def seek_to_committed(self) -> dict[TP, int | None]:
        self.asked.append("committed")
        return self.committed

    async def earliest_offsets(self, *partitions: TP) -> dict[TP, int]:
        self.asked.append("begin")
        return dict.fromkeys(partitions, self.begin)

    async def highwaters(self, *partitions: TP) -> dict[TP, int]:
        self.asked.append("end")
        return dict.fromkeys(partitions, self.end)

    async def seek_in_thread(self, partition: TP, offset: int) -> None:
        self.sought[partition] = offset

    async def positions(self) -> dict[TP, int]:
        return self.position

    async def getmany(self, active: set[TP], timeout: float) -> dict[TP, list[ConsumerRecord]]:
        offsets = self.fetches.pop(0)
        if not offsets:
            return {}
        return {
            tp: [ConsumerRecord(tp.topic, tp.partition, offset, 0.0, b"k", b"v") for offset in offsets] for tp in active
        }


@pytest.fixture
def scheduler() -> KeyedScheduler:
    return KeyedScheduler(RecordHandler(nothing, nothing, lambda _: 0.0), 1, 1 << 20, 60.0)


def consumer(scheduler: KeyedScheduler, kafka: Kafka) -> BatchConsumer:
    async def run(_: Any, __: Any) -> None:
        """Do nothing."""

    app = create_app(
        Stage("labels", (topics.READY,), Transform(run)),
        scheduler,
        StreamSettings(results_bucket="results"),
        KafkaSettings(bootstrap_servers="localhost:1"),
    )
    made = cast(BatchConsumer, app.consumer)
    vars(made)["_thread"] = kafka
    return made


async def test_a_partition_begins_at_its_committed_offset(scheduler: KeyedScheduler) -> None:
    tp = TP("media.ready", 0)
    await consumer(scheduler, Kafka({tp: 7})).perform_seek()
    assert scheduler.committable(tp) == 7


@pytest.mark.parametrize("committed", [None, 0])
async def test_a_partition_without_a_committed_offset_is_read_from_its_beginning(
    scheduler: KeyedScheduler, committed: int | None
) -> None:
    tp = TP("labels.retry", 2)
    kafka = Kafka({tp: committed}, begin=3)
    await consumer(scheduler, kafka).perform_seek()
    assert kafka.sought == {tp: 3}
    assert scheduler.committable(tp) == 3


async def fetched(of: BatchConsumer, kafka: Kafka, *offsets: int) -> list[int]:
    """Fetch once and give the offsets that were delivered to the scheduler."""
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


async def test_a_partition_is_followed_from_its_committed_offset(scheduler: KeyedScheduler) -> None:
    kafka = Kafka({TP("media.ready", 0): 7})
    reading = await flowing(scheduler, kafka)
    assert await fetched(reading, kafka, 7, 8) == [7, 8]
    assert await fetched(reading, kafka, 8, 9) == [9]


async def test_what_a_fetch_brought_while_the_assignment_began_anew_is_fetched_again(scheduler: KeyedScheduler) -> None:
    tp = TP("media.ready", 0)
    kafka = Kafka({tp: 7})
    reading = await flowing(scheduler, kafka)
    assert await fetched(reading, kafka, 7) == [7]
    await reading.perform_seek()
    assert await fetched(reading, kafka, 7) == [7]


@pytest.mark.parametrize("ordered", [True, False])
async def test_the_last_thing_that_a_new_assignment_waits_for_is_that_all_is_sought(ordered: bool) -> None:
    own = KeyedScheduler(RecordHandler(nothing, nothing, lambda _: 0.0), 1, 1 << 20, 60.0, ordered=ordered)
    kafka = Kafka({TP("media.ready", 0): None, TP("labels.retry", 0): 2}, end=3)
    await consumer(own, kafka).perform_seek()
    assert len(kafka.asked) > 2
    assert kafka.asked[-1] == "committed"


async def test_an_ordered_stage_reads_its_retries_up_to_where_they_ended(scheduler: KeyedScheduler) -> None:
    source, retry = TP("media.ready", 0), TP("labels.retry", 0)
    ordered = KeyedScheduler(RecordHandler(nothing, nothing, lambda _: 0.0), 1, 1 << 20, 60.0, ordered=True)
    await consumer(ordered, Kafka({source: 7, retry: 2}, end=3)).perform_seek()
    assert not ordered.has_room((source.topic, source.partition))
    await consumer(ordered, Kafka({source: 7, retry: 3}, end=3)).perform_seek()
    assert ordered.has_room((source.topic, source.partition))


async def test_a_retry_topic_whose_records_have_all_expired_holds_up_nothing(scheduler: KeyedScheduler) -> None:
    source, retry = TP("media.ready", 0), TP("labels.retry", 0)
    ordered = KeyedScheduler(RecordHandler(nothing, nothing, lambda _: 0.0), 1, 1 << 20, 60.0, ordered=True)
    await consumer(ordered, Kafka({source: 7, retry: 2}, begin=9, end=9)).perform_seek()
    assert ordered.has_room((source.topic, source.partition))


async def test_records_that_got_lost_on_their_way_are_fetched_again(scheduler: KeyedScheduler) -> None:
    tp = TP("media.ready", 0)
    kafka = Kafka({tp: 7})
    reading = await flowing(scheduler, kafka)
    assert await fetched(reading, kafka, 9, 10) == []
    assert kafka.sought == {tp: 7}
    assert await fetched(reading, kafka, 7, 8, 9, 10) == [7, 8, 9, 10]


async def test_a_gap_that_is_on_the_log_is_believed(scheduler: KeyedScheduler) -> None:
    kafka = Kafka({TP("media.ready", 0): 7})
    reading = await flowing(scheduler, kafka)
    assert await fetched(reading, kafka, 9, 10) == []
    assert await fetched(reading, kafka, 9, 10) == [9, 10]


async def test_what_was_lost_twice_is_still_not_skipped(scheduler: KeyedScheduler) -> None:
    kafka = Kafka({TP("media.ready", 0): 7})
    reading = await flowing(scheduler, kafka)
    assert await fetched(reading, kafka, 9, 10) == []
    assert await fetched(reading, kafka, 11, 12) == []
    assert await fetched(reading, kafka, 7, 8) == [7, 8]


async def test_a_batch_that_was_lost_behind_the_fetch_is_fetched_again(scheduler: KeyedScheduler) -> None:
    tp = TP("media.ready", 0)
    kafka = Kafka({tp: 7})
    reading = await flowing(scheduler, kafka)
    kafka.fetches = [[7, 8], [9]]
    async for _ in reading.getmany(0):
        """The agent never sees it."""
    async for _, event in reading.getmany(0):
        batch: Any = event.value
        assert not scheduler.deliver(batch.assignment, batch.start, batch.records)
        await reading.rewind(tp)
    assert await fetched(reading, kafka, 7, 8, 9) == [7, 8, 9]


def test_a_leader_that_knew_no_partitions_after_an_outage_looks_again_soon(scheduler: KeyedScheduler) -> None:
    of = consumer(scheduler, Kafka({}))
    assert of.app.conf.consumer_metadata_max_age_ms <= 10_000


def told(**security: Any) -> KafkaSettings:
    """Settings of a cluster that asks for more than a plain connection."""
    return KafkaSettings(bootstrap_servers="kafka:9092", **security)


def test_fausts_clients_log_in_as_all_others_do() -> None:
    login = {"kafka_sasl": "SCRAM-SHA-256", "kafka_user": "worker", "kafka_password": "hunter2"}

    found = credentials(told(**login))
    assert (found.protocol.value, found.mechanism.value) == ("SASL_PLAINTEXT", "SCRAM-SHA-256")
    assert (found.username, found.password) == ("worker", "hunter2")

    found = credentials(told(**login, kafka_tls=True))
    assert found.protocol.value == "SASL_SSL"
    assert found.ssl_context.verify_mode == ssl.CERT_REQUIRED
    assert found.ssl_context.check_hostname


def test_tls_alone_checks_the_brokers_certificate() -> None:
    found = credentials(told(kafka_tls=True))

    assert found.protocol.value == "SSL"
    assert found.context.verify_mode == ssl.CERT_REQUIRED


def test_a_plain_cluster_asks_for_nothing() -> None:
    assert credentials(told()) is None


async def further_than_delivered(scheduler: KeyedScheduler, position: int) -> tuple[BatchConsumer, Kafka]:
    """A consumer that begins at 5 and whose client, when a fetch has brought nothing, is at a position behind that."""
    tp = TP("media.ready", 0)
    kafka = Kafka({tp: 5})
    of = await flowing(scheduler, kafka)
    kafka.position = {tp: position}
    assert await fetched(of, kafka) == []
    assert kafka.sought == {tp: 5}
    return of, kafka


async def test_what_a_fetch_brought_to_nobody_is_fetched_again_though_nothing_comes_after_it(
    scheduler: KeyedScheduler,
) -> None:
    of, kafka = await further_than_delivered(scheduler, 9)
    assert await fetched(of, kafka, 5, 6, 7, 8) == [5, 6, 7, 8]
    kafka.sought.clear()
    assert await fetched(of, kafka) == []
    assert kafka.sought == {}


async def test_a_client_that_is_further_without_a_record_is_believed_when_it_is_seen_twice(
    scheduler: KeyedScheduler,
) -> None:
    of, kafka = await further_than_delivered(scheduler, 6)
    kafka.sought.clear()
    assert await fetched(of, kafka) == []
    assert kafka.sought == {}
    assert await fetched(of, kafka, 6, 7) == [6, 7]


async def test_nothing_is_remembered_of_a_batch_that_was_taken_over(scheduler: KeyedScheduler) -> None:
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


@contextmanager
def fetching(scheduler: KeyedScheduler, client: Any) -> Iterator[Any]:
    """The thread of a consumer, at work with a client of its own; its `ident` says which thread."""
    made: Any = consumer(scheduler, Kafka({}))
    made.resume_flow()
    thread = made._new_consumer_thread()
    thread._ensure_consumer = lambda: client
    loop = thread.thread_loop
    other = threading.Thread(target=loop.run_forever)
    other.start()
    thread.ident = other.ident
    asyncio.run_coroutine_threadsafe(thread.method_queue.start(), loop).result(10)
    try:
        yield thread
    finally:
        asyncio.run_coroutine_threadsafe(thread.method_queue.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        other.join()
        loop.close()


class Client:
    """A client of aiokafka that has one partition assigned, and whose fetch brings something when it is told to."""

    _max_poll_records = 500
    _closed = False

    def __init__(self, assigned: TP) -> None:
        self._fetcher = self
        self._subscriptions = self
        self.sought: list[tuple[TP, int, int]] = []
        self.asked, self.comes, self.gave_back = threading.Event(), threading.Event(), threading.Event()
        self._assigned = assigned

    def fetch_context(self) -> AbstractContextManager[None]:
        return nullcontext()

    def assignment(self) -> set[TP]:
        return {self._assigned}

    def seek(self, tp: TP, offset: int) -> None:
        self.sought.append((tp, offset, threading.get_ident()))
        self.gave_back.set()

    async def fetched_records(self, *_: Any, **__: Any) -> dict[TP, list[ConsumerRecord]]:
        self.asked.set()
        await asyncio.to_thread(self.comes.wait, 10)
        return {self._assigned: [ConsumerRecord(*self._assigned, 7, 0.0, b"k", b"v")]}


async def test_a_seek_is_done_in_the_thread_that_fetches_and_only_while_the_partition_is_assigned(
    scheduler: KeyedScheduler,
) -> None:
    client = Client(TP("media.ready", 0))
    with fetching(scheduler, client) as thread:
        await thread.seek_in_thread(TP("media.ready", 0), 7)
        await thread.seek_in_thread(TP("media.ready", 1), 7)
    assert client.sought == [(TP("media.ready", 0), 7, thread.ident)]


@pytest.mark.parametrize("new_loop", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_consumer_thread_runs_its_own_loop_of_the_same_type(scheduler: KeyedScheduler, new_loop: Any) -> None:
    async def loops() -> list[asyncio.AbstractEventLoop]:
        made = consumer(scheduler, Kafka({}))
        return [made._new_consumer_thread().thread_loop, asyncio.get_running_loop()]

    with asyncio.Runner(loop_factory=new_loop) as runner:
        own, apps = runner.run(loops())
    own.close()
    assert own is not apps
    assert type(own) is type(apps)


async def test_close_leaves_the_client_to_the_consumer_thread(
    scheduler: KeyedScheduler,
) -> None:
    client = Client(TP("media.ready", 0))
    with fetching(scheduler, client) as thread:
        vars(thread)["_consumer"] = client
        thread.close()
        assert not client._closed
        await thread.seek_in_thread(TP("media.ready", 0), 7)
    assert client.sought == [(TP("media.ready", 0), 7, thread.ident)]


async def test_what_a_fetch_brings_when_nobody_waits_any_more_is_given_back(scheduler: KeyedScheduler) -> None:
    client = Client(TP("media.ready", 0))
    with fetching(scheduler, client) as thread:
        fetch = asyncio.create_task(thread.getmany(set(), 1.0))
        assert await asyncio.to_thread(client.asked.wait, 10)
        fetch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetch
        client.comes.set()
        assert await asyncio.to_thread(client.gave_back.wait, 10)
    assert client.sought == [(TP("media.ready", 0), 7, thread.ident)]


async def test_what_a_fetch_brings_is_given_to_whoever_waits_for_it(scheduler: KeyedScheduler) -> None:
    client = Client(TP("media.ready", 0))
    client.comes.set()
    with fetching(scheduler, client) as thread:
        found = await thread.getmany(set(), 1.0)
    assert [each.offset for each in found[TP("media.ready", 0)]] == [7]
    assert client.sought == []
