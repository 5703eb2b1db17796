"""What each worker says of its stages, on the compacted topic `system.workers`: whether they work or wait, and why.

Kafka knows who is in a consumer group and how far it is, but not that a stage sits out an outage.
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
from headrace.streams.engine import metrics

StageState = Literal["working", "paused", "stopped"]


class StageStatusReport(msgspec.Struct, frozen=True):
    """How a stage is in one worker, and since when."""

    stage: str
    worker: str
    state: StageState
    why: str
    since: datetime


def read(value: bytes) -> StageStatusReport | None:
    """Read a report; None for bytes that are none."""
    try:
        return msgspec.json.decode(value, type=StageStatusReport)
    except msgspec.MsgspecError:
        return None


class StatusReporter:
    """Sends one worker's reports. A report that Kafka does not take is not repeated: the next one says more."""

    def __init__(self, sender: AsyncProducer, worker: str, clock: Callable[[], datetime]) -> None:
        self._sender = sender
        self._worker = worker
        self._clock = clock
        self._under_way: set[asyncio.Task[None]] = set()

    def report_soon(self, stage: str, state: StageState, why: str = "") -> None:
        """Report soon, without waiting for it."""
        task = asyncio.get_running_loop().create_task(self.send(stage, state, why))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def send(self, stage: str, state: StageState, why: str = "") -> None:
        """Report. A stage that has stopped is forgotten: its record becomes a tombstone."""
        report = StageStatusReport(stage, self._worker, state, why, self._clock())
        value = None if state == "stopped" else msgspec.json.encode(report)
        try:
            await self._sender.send([ProducerRecord(topics.WORKERS.name, f"{stage}/{self._worker}".encode(), value)])
        except SendError as error:
            metrics.log.warning("not reported", stage=stage, state=state, why=str(error))
