"""Faust's consumer thread. Only this thread fetches, seeks and closes the client."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from aiokafka import TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from headrace.streams.kafka.aiokafka_patches import (
    add_commit_metadata,
    decode_into_consumer_records,
    end_commits_of_deleted_topics,
    throttle_metadata_refresh,
    wait_longer_while_idle,
)


class FetchRequest:
    """A fetch; `over` once its caller no longer waits."""

    over = False


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread, with client options that Faust does not offer.

    Its event loop has the type of the app's. asyncio's own loop reads up to 256 KB at a time and returns the rest,
    which fragments the thread's malloc arena: 0.8 MB a minute at 20,000 records a second.
    """

    def __init__(self, consumer: Any, *, loop: asyncio.AbstractEventLoop, **kwargs: Any) -> None:
        super().__init__(consumer, loop=loop, thread_loop=type(loop)(), **kwargs)
        self._close_thread_loop_on_stop = True

        self.metadata: dict[TP, tuple[int, str]] = {}
        """The newest committable offset of each partition and its metadata, written by the app's loop."""

    def close(self) -> None:
        """Do nothing: the thread closes its client when it ends. Faust would close it from the app's loop."""

    def is_running(self) -> bool:
        """Whether the operating system's thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def _create_worker_consumer(self, transport: Any) -> Any:
        client = super()._create_worker_consumer(transport)
        if cast(Any, self.consumer).stage_scheduler.ordered:
            client._partition_assignment_strategy = [RangePartitionAssignor]
        return client

    async def on_start(self) -> None:
        """Start the client and apply the patches. It fetches once it has subscribed."""
        await super().on_start()
        client = cast(Any, self._consumer)
        decode_into_consumer_records(client._fetcher)
        wait_longer_while_idle(client._fetcher)
        add_commit_metadata(client, self.metadata)
        end_commits_of_deleted_topics(client)
        throttle_metadata_refresh(client._client)

    async def getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:
        """Fetch records. After a cancellation the thread seeks back, so that they are fetched again.

        Faust cancels a fetch when a rebalance starts, but only in the app's loop. The thread goes on, and would
        consume records of the next assignment.
        """
        request = FetchRequest()
        try:
            return await self.call_thread(self._fetch_for, request, active_partitions, timeout)
        finally:
            request.over = True

    async def _fetch_for(self, request: FetchRequest, active_partitions: set[TP], timeout: float) -> Any:
        client = self._ensure_consumer()
        fetching = cast(Any, client)._fetcher.error_future
        if fetching.done():  # aiokafka would return no records, without an error
            fetching.result()
        records = await self._fetch_records(client, active_partitions, timeout, client._max_poll_records)
        if not request.over:
            return records
        for tp, batch in records.items():
            await self._seek_if_assigned(tp, batch[0].offset)
        return {}

    async def seek_in_thread(self, tp: TP, offset: int) -> None:
        """Seek in the consumer thread, if the partition is still assigned.

        Faust's own `seek` changes the client from another thread.
        """
        await self.call_thread(self._seek_if_assigned, tp, offset)

    async def committed(self, partitions: list[TP]) -> dict[TP, tuple[int, str]]:
        """Return the committed offset and its metadata of each partition that has one. 0 is an offset too."""
        committed: dict[TP, tuple[int, str]] = await self.call_thread(self._committed, partitions)
        return committed

    async def _committed(self, partitions: list[TP]) -> dict[TP, tuple[int, str]]:
        client = cast(Any, self._ensure_consumer())
        found = await client._coordinator.fetch_committed_offsets([TopicPartition(*tp) for tp in partitions])
        return {TP(*tp): (each.offset, each.metadata) for tp, each in found.items() if each.offset >= 0}

    async def first_offsets_since(self, times: Mapping[TP, float]) -> dict[TP, int]:
        """Return the first offset at or after a time in seconds; the end where no record is as new."""
        offsets: dict[TP, int] = await self.call_thread(self._first_offsets_since, times)
        return offsets

    async def _first_offsets_since(self, times: Mapping[TP, float]) -> dict[TP, int]:
        client = cast(Any, self._ensure_consumer())
        wanted = {TopicPartition(*tp): max(0, int(seconds * 1000)) for tp, seconds in times.items()}
        found = await client.offsets_for_times(wanted)
        ends = await client.end_offsets(list(wanted))
        return {TP(*tp): ends[tp] if each is None else each.offset for tp, each in found.items()}

    async def positions(self) -> dict[TP, int]:
        """Return the fetch position of each assigned partition, where it is known."""
        positions: dict[TP, int] = await self.call_thread(self._positions)
        return positions

    async def _positions(self) -> dict[TP, int]:
        client = cast(Any, self._ensure_consumer())
        states = {tp: client._subscription.subscription.assignment.state_value(tp) for tp in client.assignment()}
        return {TP(*tp): state.position for tp, state in states.items() if state.has_valid_position}

    async def known_ends(self) -> dict[TP, int]:
        """Return the end of each assigned partition as of its last fetch, where it is known."""
        ends: dict[TP, int] = await self.call_thread(self._known_ends)
        return ends

    async def _known_ends(self) -> dict[TP, int]:
        client = cast(Any, self._ensure_consumer())
        ends = {TP(*tp): client.highwater(tp) for tp in client.assignment()}
        return {tp: end for tp, end in ends.items() if end is not None}

    async def _seek_if_assigned(self, tp: TP, offset: int) -> None:
        client = self._ensure_consumer()
        if tp in client.assignment():
            client.seek(tp, offset)
