"""The consumer thread is the only one that touches aiokafka's client."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import uvloop
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from faust.types import TP

from headrace.schemas.messages import ConsumerRecord
from headrace.streams.engine.scheduler import KeyedScheduler, RecordHandler
from tests.unit.streams.kafka.fakes import Kafka, consumer, nothing


@contextmanager
def fetching(scheduler: KeyedScheduler, client: Any) -> Iterator[Any]:
    """Run a consumer thread with a fake client. `ident` is its thread."""
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
    """A fake aiokafka client with one partition, whose fetch returns once `comes` is set."""

    _max_poll_records = 500
    _closed = False

    def __init__(self, assigned: TP) -> None:
        self._fetcher = self
        self._subscriptions = self
        self.sought: list[tuple[TP, int, int]] = []
        self.asked, self.comes, self.gave_back = threading.Event(), threading.Event(), threading.Event()
        self._assigned = assigned
        self.error_future: asyncio.Future[None] | Any = SimpleNamespace(done=lambda: False)

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


async def test_seeks_in_the_consumer_thread_while_the_partition_is_assigned(
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


async def test_seeks_back_when_a_fetch_was_cancelled(scheduler: KeyedScheduler) -> None:
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


async def test_returns_the_fetched_records(scheduler: KeyedScheduler) -> None:
    client = Client(TP("media.ready", 0))
    client.comes.set()
    with fetching(scheduler, client) as thread:
        found = await thread.getmany(set(), 1.0)
    assert [each.offset for each in found[TP("media.ready", 0)]] == [7]
    assert client.sought == []


@pytest.mark.parametrize(("valid", "positions"), [(True, {TP("media.ready", 0): 9}), (False, {})])
async def test_positions_lists_partitions_with_a_known_position(
    scheduler: KeyedScheduler, valid: bool, positions: dict[TP, int]
) -> None:
    client: Any = Client(TP("media.ready", 0))
    state = SimpleNamespace(has_valid_position=valid, position=9)
    assignment = SimpleNamespace(state_value=lambda _: state)
    client._subscription = SimpleNamespace(subscription=SimpleNamespace(assignment=assignment))
    with fetching(scheduler, client) as thread:
        assert await thread.positions() == positions


@pytest.mark.parametrize("ordered", [True, False])
async def test_only_an_ordered_stage_assigns_partitions_by_range(ordered: bool) -> None:
    stage_scheduler = KeyedScheduler(RecordHandler(nothing, nothing, lambda _: 0.0), 1, 1 << 20, 60.0, ordered=ordered)
    made = consumer(stage_scheduler, Kafka({}))
    thread: Any = made._new_consumer_thread()
    client = thread._create_worker_consumer(made.transport)
    try:
        assert (client._partition_assignment_strategy == [RangePartitionAssignor]) == ordered
    finally:
        thread.thread_loop.close()
