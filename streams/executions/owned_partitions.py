"""The partitions of the inbox that this worker owns, and the loading of their open executions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator

import structlog

from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.runtime.backoff import backoff_seconds
from headrace.streams.errors import OutageError
from headrace.streams.executions.partition_executions import PartitionExecutions
from headrace.streams.executions.payload_store import PayloadStore
from headrace.streams.executions.records import SendRecords

MAX_BACKOFF_SECONDS = 30.0

ReadPartition = Callable[[int], Iterable[ConsumerRecord]]
"""Reads a partition of `machines.state` to its end. Blocks."""

log = structlog.get_logger("headrace")


class OwnedPartitions:
    """Open executions by partition. Only partitions that are assigned occupy memory."""

    def __init__(self, read: ReadPartition, payloads: PayloadStore, send: SendRecords) -> None:
        self._read = read
        self._send = send
        self._payloads = payloads
        self._loads: dict[int, asyncio.Task[PartitionExecutions]] = {}

    def assign(self, partition: int) -> None:
        """Start to load a partition. Whatever an earlier assignment loaded is dropped."""
        self.drop(partition)
        self._loads[partition] = asyncio.get_running_loop().create_task(self._load(partition))

    def drop(self, partition: int) -> None:
        """Forget a partition that another worker owns now."""
        load = self._loads.pop(partition, None)
        if load is not None:
            load.cancel()

    async def get(self, partition: int) -> PartitionExecutions:
        """Return the open executions of a partition once they are loaded.

        Raises:
            OutageError: The partition is not assigned: the record waits until its worker drops it.
        """
        while True:
            load = self._loads.get(partition)
            if load is None:
                raise OutageError(f"partition {partition} of the inbox is not assigned to this worker")
            try:
                return await asyncio.shield(load)
            except asyncio.CancelledError:
                if not load.cancelled():  # the caller is cancelled, not the load
                    raise

    def loaded(self) -> Iterator[PartitionExecutions]:
        """Yield the partitions that are loaded."""
        for load in list(self._loads.values()):
            if load.done() and not load.cancelled():
                yield load.result()

    def close(self) -> None:
        """Forget all partitions."""
        for partition in list(self._loads):
            self.drop(partition)

    async def _load(self, partition: int) -> PartitionExecutions:
        failures = 0
        while True:
            executions = PartitionExecutions(self._payloads)
            try:
                hidden = await asyncio.to_thread(_load, executions, self._read, partition)
                await self._send(hidden)
            except Exception as error:  # Kafka is unavailable: records of the partition wait
                failures += 1
                log.warning("executions_not_loaded", partition=partition, reason=repr(error), attempt=failures)
                await asyncio.sleep(backoff_seconds(failures, 0.5, MAX_BACKOFF_SECONDS))
            else:
                if hidden:
                    log.warning("outdated_states_replaced", partition=partition, executions=len(hidden))
                log.info("executions_loaded", partition=partition, open=len(executions))
                return executions


def _load(executions: PartitionExecutions, read: ReadPartition, partition: int) -> list[ProducerRecord]:
    return executions.load(read(partition))
