"""The thread that Faust reads Kafka in: what is fetched, sought and closed there is done by it alone."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from headrace.streams.kafka.aiokafka_patches import decode_into_consumer_records, throttle_metadata_refresh

FETCH_WAIT_MS = 100
"""How long the broker may hold back an answer that would be empty: as long, nothing else can be fetched from it. The
retry topic is empty as a rule, so that with Faust's own 1,500 ms a busy stage would stand still half of the time."""


class FetchRequest:
    """Whether somebody still waits for what is done in another thread."""

    over = False


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread, whose client is told what Faust has no settings for and is touched by no other thread.

    Its loop is of the app's kind. Under asyncio's, which reads up to 256 KB at a time and gives back what it did not
    need, the thread's part of malloc falls to pieces: 0.8 MB a minute at 20,000 records a second.
    """

    def __init__(self, consumer: Any, *, loop: asyncio.AbstractEventLoop, **kwargs: Any) -> None:
        super().__init__(consumer, loop=loop, thread_loop=type(loop)(), **kwargs)
        self._close_thread_loop_on_stop = True

    def close(self) -> None:
        """Leave the client to the end of its thread. Faust would close it from the app's loop, under its hands."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        client = super()._create_worker_consumer(transport)
        client._fetch_max_wait_ms = FETCH_WAIT_MS
        if cast(Any, self.consumer).stage_scheduler.ordered:
            client._partition_assignment_strategy = [RangePartitionAssignor]
        return client

    async def on_start(self) -> None:
        """Start the client; nothing is fetched before it has subscribed."""
        await super().on_start()
        client = cast(Any, self._consumer)
        decode_into_consumer_records(client._fetcher)
        throttle_metadata_refresh(client._client)

    async def getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:
        """Fetch records. What comes when nobody waits for it any more is given back, to be fetched again.

        Faust ends a fetch when a rebalance begins, but only its own side of it. The other goes on in the thread, and
        would take records from behind the position of the assignment that follows.
        """
        waiting = FetchRequest()
        try:
            return await self.call_thread(self._fetch_for, waiting, active_partitions, timeout)
        finally:
            waiting.over = True

    async def _fetch_for(self, waiting: FetchRequest, active_partitions: set[TP], timeout: float) -> Any:
        client = self._ensure_consumer()
        found = await self._fetch_records(client, active_partitions, timeout, client._max_poll_records)
        if not waiting.over:
            return found
        for tp, records in found.items():
            await self._seek_if_assigned(tp, records[0].offset)
        return {}

    async def seek_in_thread(self, tp: TP, offset: int) -> None:
        """Fetch a partition from an offset on, if it is still assigned.

        It is done in the thread that fetches: Faust's own `seek` changes the client under its hands, from another.
        """
        await self.call_thread(self._seek_if_assigned, tp, offset)

    async def positions(self) -> dict[TP, int]:
        """Say from where each assigned partition is fetched next, where that is known."""
        found: dict[TP, int] = await self.call_thread(self._positions)
        return found

    async def _positions(self) -> dict[TP, int]:
        client = cast(Any, self._ensure_consumer())
        states = {tp: client._subscription.subscription.assignment.state_value(tp) for tp in client.assignment()}
        return {TP(*tp): state.position for tp, state in states.items() if state.has_valid_position}

    async def _seek_if_assigned(self, tp: TP, offset: int) -> None:
        client = self._ensure_consumer()
        if tp in client.assignment():
            client.seek(tp, offset)
