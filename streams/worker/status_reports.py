"""Report the state of each stage of a worker on the compacted topic `system.workers`.

Kafka knows the members and offsets of a consumer group, but not that a stage waits for an outage to end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Literal

import msgspec

from headrace.schemas import topics
from headrace.schemas.kafka.producer import AsyncProducer
from headrace.schemas.messages import ProducerRecord, SendError
from headrace.schemas.parsing import InvalidValueError, ZonedTime, parse_struct
from headrace.schemas.safe_text import header_text
from headrace.streams.engine import metrics

StageState = Literal["working", "paused", "stopped"]


class StageStatusReport(msgspec.Struct, frozen=True):
    """The state of a stage in one worker."""

    stage: str
    worker: str
    state: StageState
    why: str
    since: ZonedTime


def read(value: bytes) -> StageStatusReport | None:
    """Decode a report; None when the bytes are not one."""
    try:
        return parse_struct(value, StageStatusReport)
    except InvalidValueError:
        return None


class StatusReporter:
    """Sends the reports of one worker. A failed report is not retried: the next one replaces it."""

    def __init__(self, producer: AsyncProducer, worker: str, clock: Callable[[], datetime]) -> None:
        self._producer = producer
        self._worker = worker
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()

    def report_soon(self, stage: str, state: StageState, why: str = "") -> None:
        """Send a report in the background."""
        task = asyncio.get_running_loop().create_task(self.send(stage, state, why))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def send(self, stage: str, state: StageState, why: str = "") -> None:
        """Send a report. For a stopped stage it is a tombstone."""
        report = StageStatusReport(stage, self._worker, state, header_text(why), self._clock())
        value = None if state == "stopped" else msgspec.json.encode(report)
        try:
            await self._producer.send([ProducerRecord(topics.WORKERS.name, f"{stage}/{self._worker}".encode(), value)])
        except SendError as error:
            metrics.log.warning("status_report_failed", stage=stage, state=state, reason=str(error))
