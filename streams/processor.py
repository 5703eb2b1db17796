"""Takes a record to its durable outcome: tries, waits, and sends what is to be sent before anything is committed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from schemas.message import Message, Received
from streams import telemetry
from streams.context import Context
from streams.dead_letters import dead_letter, delayed
from streams.failures import Failure, Outage, Transient
from streams.fuse import Fuse
from streams.origin import origin_of
from streams.outcome import Dead, Done, Outcome, Retry, Wait, backoff, judge
from streams.runner import Runner
from streams.sender import NotSent, Sender
from streams.stage import Stage

IN_PLACE_SECONDS = 2.0
IN_PLACE_TRIES = 3


def _nobody(why: str) -> None:
    """Nobody wants to know."""


class Pause:
    """Whether a stage waits for something shared to come back. Says so once, and once when it is over.

    `changed` is told why it waits, and nothing when it works again.
    """

    def __init__(self, stage: str, changed: Callable[[str], None]) -> None:
        self._stage = stage
        self._changed = changed
        self.why = ""

    def hold(self, why: str) -> None:
        """Note an outage."""
        if not self.why:
            telemetry.log.warning("paused", stage=self._stage, why=why)
            telemetry.PAUSED.labels(self._stage).set(1)
            self._changed(why)
        self.why = why

    def over(self) -> None:
        """Note that it works again."""
        if self.why:
            telemetry.log.info("resumed", stage=self._stage)
            telemetry.PAUSED.labels(self._stage).set(0)
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
        self._telemetry = telemetry.Telemetry(stage.name)
        self.pause = Pause(stage.name, paused)

    async def process(self, received: Received) -> bool:
        """Try until there is an ending, and make it durable. Returns when a restart need not see the record again.

        True means that it stepped aside, to be tried again later. Raises `FuseBlown` instead of adding one more dead
        letter that is our own fault.
        """
        begun = time.monotonic()
        outcome, tries = await self._try(received)
        self._fuse.note(outcome)
        if not isinstance(outcome, Done) or outcome.events:
            outcome = await self._settle(received, outcome, tries)
        self._telemetry.ended(received, outcome, time.monotonic() - begun)
        return isinstance(outcome, Retry)

    async def expired(self, received: Received) -> bool:
        """End a try that took longer than the stage's deadline: true when the record is tried again later."""
        why = f"not done after {self._stage.deadline_seconds:g} s"
        verdict = judge(Transient(why, "deadline"), origin_of(received).failures + 1, self._context.draw)
        outcome = await self._settle(received, verdict, 1)
        self._telemetry.ended(received, outcome, self._stage.deadline_seconds)
        return isinstance(outcome, Retry)

    async def _try(self, received: Received) -> tuple[Outcome, int]:
        """Run the stage, in place again where waiting is short. Gives the ending and the attempts it took."""
        tries = waits = 0
        while True:
            outcome = await self._runner.run(received, tries, waits)
            if isinstance(outcome, Wait):
                waits += 1
                await self._wait(outcome.why, waits)
                continue
            self.pause.over()
            if not isinstance(outcome, Retry):
                return outcome, tries + 1
            tries += outcome.counts
            waits += 1
            if outcome.after > IN_PLACE_SECONDS or waits > IN_PLACE_TRIES:
                return outcome, tries
            await asyncio.sleep(outcome.after)

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
                await self._wait(str(failure), waits)
            except Failure as failure:  # the store would not take the note of a failure
                waits += 1
                await self._wait(failure.why, waits)
            else:
                self.pause.over()
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

    async def _wait(self, why: str, waits: int) -> None:
        self.pause.hold(why)
        await asyncio.sleep(backoff(waits, self._context.draw, 30.0))
