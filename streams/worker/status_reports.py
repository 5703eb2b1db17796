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
from headrace.schemas.messages import Message
from headrace.streams.engine import metrics
from headrace.streams.engine.ports import NotSent
from headrace.streams.kafka.producer import Sender

State = Literal["working", "paused", "stopped"]


class Report(msgspec.Struct, frozen=True):
    """How a stage is in one worker, and since when."""

    stage: str
    worker: str
    state: State
    why: str
    since: datetime


def read(value: bytes) -> Report | None:
    """Read a report; None for bytes that are none."""
    try:
        return msgspec.json.decode(value, type=Report)
    except msgspec.MsgspecError:
        return None


class Reports:
    """Sends one worker's reports. A report that Kafka does not take is not repeated: the next one says more."""

    def __init__(self, sender: Sender, worker: str, clock: Callable[[], datetime]) -> None:
        self._sender = sender
        self._worker = worker
        self._clock = clock
        self._under_way: set[asyncio.Task[None]] = set()

    def say(self, stage: str, state: State, why: str = "") -> None:
        """Report soon, without waiting for it."""
        task = asyncio.get_running_loop().create_task(self.send(stage, state, why))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def send(self, stage: str, state: State, why: str = "") -> None:
        """Report. A stage that has stopped is forgotten: its record becomes a tombstone."""
        report = Report(stage, self._worker, state, why, self._clock())
        value = None if state == "stopped" else msgspec.json.encode(report)
        try:
            await self._sender.send([Message(topics.WORKERS.name, f"{stage}/{self._worker}".encode(), value)])
        except NotSent as error:
            metrics.log.warning("not reported", stage=stage, state=state, why=str(error))
