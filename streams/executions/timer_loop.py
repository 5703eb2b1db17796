"""Send `TimerFired` to executions whose timers are due.

A timer is in memory and, until the execution has taken it, in the snapshot. After a crash it fires again, and the
execution ignores what it does not wait for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from headrace.schemas.ids import derived_id, random_seed
from headrace.schemas.messages import ProducerRecord, SendError
from headrace.streams.errors import PermanentError, StageError
from headrace.streams.executions.inbox import DeliverStimulus
from headrace.streams.executions.owned_partitions import OwnedPartitions
from headrace.streams.executions.partition_executions import PartitionExecutions
from headrace.streams.executions.records import RecordWriter, SendRecords
from headrace.streams.executions.timers import pending_timers, timer_due
from headrace.streams.machines.execution.stimuli import TimerFired

LONGEST_SLEEP = 0.1
"""Seconds between looks at the queues; timers fire at most so much later."""
RETRY_SECONDS = 1.0
BATCH = 500

log = structlog.get_logger("headrace")


class TimerLoop:
    """Fires the timers of all owned partitions."""

    def __init__(
        self, owned: OwnedPartitions, writer: RecordWriter, send: SendRecords, clock: Callable[[], float] = time.time
    ) -> None:
        self._owned = owned
        self._writer = writer
        self._send = send
        self._clock = clock

    async def run(self) -> None:
        """Fire timers until the task is cancelled."""
        while True:
            fired = 0
            for executions in self._owned.loaded():
                try:
                    fired += await self.fire(executions)
                except Exception as error:  # the timers of other partitions go on
                    log.error("timers_failed", reason=repr(error))
            if not fired:
                await asyncio.sleep(LONGEST_SLEEP)

    async def fire(self, executions: PartitionExecutions) -> int:
        """Fire the due timers of a partition, and return their number. Timers that cannot be sent stay in the queue."""
        due = executions.timers.due(self._clock(), BATCH)
        if not due:
            return 0
        try:
            records = [record for entry in due for record in await self._due_records(executions, *entry)]
            await self._send(records)
        except (SendError, StageError) as error:
            log.warning("timers_not_sent", timers=len(due), reason=str(error))
            for execution, timer in due:
                executions.timers.add(self._clock() + RETRY_SECONDS, execution, timer)
            return 0
        return len(due)

    async def _due_records(self, executions: PartitionExecutions, execution: str, timer: str) -> list[ProducerRecord]:
        """Return the records of a timer; none if its snapshot is damaged, so that other timers go on."""
        try:
            return await self._records(executions, execution, timer)
        except PermanentError as error:
            log.error("timer_lost", execution=execution, timer=timer, reason=str(error))
            return []

    async def _records(self, executions: PartitionExecutions, execution: str, timer: str) -> list[ProducerRecord]:
        """Return the record of a timer if the execution still waits for it; without a timer, those of all due ones."""
        current = await executions.get(execution)
        if current is None:
            return []
        if not timer:
            return await self._expand(executions, execution)
        due = timer_due(current.execution, timer)
        if due is None or due.timestamp() > self._clock():
            return []
        return [await self._record(execution, timer, due)]

    async def _expand(self, executions: PartitionExecutions, execution: str) -> list[ProducerRecord]:
        """Put the timers of a loaded execution into the queue."""
        current = await executions.get(execution)
        for due, timer in pending_timers(current.execution) if current is not None else ():
            executions.timers.add(due.timestamp(), execution, timer)
        return []

    async def _record(self, execution: str, timer: str, due: datetime) -> ProducerRecord:
        now = max(due, datetime.fromtimestamp(self._clock(), UTC))
        id_ = derived_id(execution, "machine-timers", timer, int(due.timestamp() * 1000))
        seed = random_seed(id_)
        return await self._writer.inbox(execution, DeliverStimulus(TimerFired(now, seed, timer)), id_, None)
