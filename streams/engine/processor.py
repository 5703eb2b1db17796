"""Takes a record to its durable outcome: tries, waits, and sends what is to be sent before anything is committed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from headrace.schemas.messages import Message, Received
from headrace.streams.engine import metrics
from headrace.streams.engine.circuit_breaker import Fuse
from headrace.streams.engine.context import Context
from headrace.streams.engine.dlq import dead_letter, delayed
from headrace.streams.engine.headers import origin_of
from headrace.streams.engine.outcome import Dead, Done, Outcome, Retry, Wait, backoff, judge
from headrace.streams.engine.ports import NotSent, Sender
from headrace.streams.engine.runner import Runner
from headrace.streams.errors import Failure, Outage, Transient
from headrace.streams.stage import Stage

IN_PLACE_SECONDS = 2.0
IN_PLACE_TRIES = 3


_NOT_OVER = (Wait, Retry)

Where = tuple[str, int, int]
"""Topic, partition and offset of a record."""


def _nobody(why: str) -> None:
    """Nobody wants to know."""


class Pause:
    """Whether records of a stage wait for something shared to come back. Says so once, and once when none does.

    `changed` is told why they wait, and nothing when all go on.
    """

    def __init__(self, stage: str, changed: Callable[[str], None]) -> None:
        self._stage = stage
        self._changed = changed
        self._waiting: set[Where] = set()
        self.why = ""

    def hold(self, record: Where, why: str) -> None:
        """Note that a record waits."""
        self._waiting.add(record)
        if not self.why:
            metrics.log.warning("paused", stage=self._stage, why=why)
            metrics.PAUSED.labels(self._stage).set(1)
            self._changed(why)
        self.why = why

    def over(self, record: Where) -> None:
        """Note that a record waits no longer, if it did."""
        self._waiting.discard(record)
        if self.why and not self._waiting:
            metrics.log.info("resumed", stage=self._stage)
            metrics.PAUSED.labels(self._stage).set(0)
            self._changed("")
            self.why = ""


class Processor:
    """One stage's way from a record to its outcome."""

    def __init__(self, stage: Stage, context: Context, sender: Sender, paused: Callable[[str], None] = _nobody) -> None:
        self._stage = stage
        self._context = context
        self._runner = Runner(stage, context)
        self._sender = sender
        self._fuse = Fuse(stage.name)
        self._telemetry = metrics.Telemetry(stage.name)
        self.pause = Pause(stage.name, paused)

    async def process(self, received: Received) -> bool:
        """Try until there is an ending, and make it durable. Returns when a restart need not see the record again.

        True means that it stepped aside, to be tried again later. Raises `FuseBlown` instead of adding one more dead
        letter that is our own fault.
        """
        begun = time.monotonic()
        try:
            outcome, tries = await self._runner.run(received), 1
            if isinstance(outcome, _NOT_OVER):
                outcome, tries = await self._try_again(received, outcome)
            self._fuse.note(outcome)
            if not isinstance(outcome, Done) or outcome.events:
                outcome = await self._settle(received, outcome, tries)
        finally:  # also when it was cancelled: nobody waits for it any more
            if self.pause.why:
                self.pause.over(_where(received))
        self._telemetry.ended(received, outcome, time.monotonic() - begun)
        return isinstance(outcome, Retry)

    async def expired(self, received: Received) -> bool:
        """End a try that took longer than the stage's deadline: true when the record is tried again later."""
        why = f"not done after {self._stage.deadline_seconds:g} s"
        verdict = judge(Transient(why, "deadline"), origin_of(received).failures + 1, self._context.draw)
        try:
            outcome = await self._settle(received, verdict, 1)
        finally:
            if self.pause.why:
                self.pause.over(_where(received))
        self._telemetry.ended(received, outcome, self._stage.deadline_seconds)
        return isinstance(outcome, Retry)

    async def _try_again(self, received: Received, outcome: Outcome) -> tuple[Outcome, int]:
        """Run the stage in place again where waiting is short. Gives the ending, and all attempts it took."""
        tries = waits = 0
        while True:
            waits += 1
            if isinstance(outcome, Wait):
                await self._wait(received, outcome.why, waits)
            elif isinstance(outcome, Retry):
                tries += outcome.counts
                if outcome.after > IN_PLACE_SECONDS or waits > IN_PLACE_TRIES:
                    return outcome, tries
                await asyncio.sleep(outcome.after)
            else:
                return outcome, tries + 1
            outcome = await self._runner.run(received, tries, waits)
            if self.pause.why and not isinstance(outcome, Wait):
                self.pause.over(_where(received))

    async def _settle(self, received: Received, outcome: Outcome, tries: int) -> Outcome:
        """Put the ending on the log, however long the broker is away."""
        waits = 0
        while True:
            try:
                await self._sender.send(await self._messages(received, outcome, tries))
            except NotSent as failure:
                if failure.final and isinstance(outcome, Done):
                    outcome = Dead("result_too_large", str(failure), type(failure).__name__)
                    continue
                waits += 1
                await self._wait(received, str(failure), waits)
            except Failure as failure:  # the store would not take the note of a failure
                waits += 1
                await self._wait(received, failure.why, waits)
            else:
                return outcome

    async def _messages(self, received: Received, outcome: Outcome, tries: int) -> Sequence[Message]:
        if isinstance(outcome, Done):
            return outcome.events
        now = self._context.clock()
        if isinstance(outcome, Retry):
            return (delayed(self._stage, received, outcome, tries, now),)
        if isinstance(outcome, Dead):
            await self._runner.remember_failure(received, outcome)
            return (dead_letter(self._stage, received, outcome, tries, now),)
        raise Outage(outcome.why)

    async def _wait(self, received: Received, why: str, waits: int) -> None:
        self.pause.hold(_where(received), why)
        await asyncio.sleep(backoff(waits, self._context.draw, 30.0))


def _where(received: Received) -> Where:
    return received.topic, received.partition, received.offset
