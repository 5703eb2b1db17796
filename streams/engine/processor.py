"""Takes a record to its durable outcome: tries, waits, and sends what is to be sent before anything is committed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from headrace.schemas.messages import ConsumerRecord, ProducerRecord, SendError
from headrace.streams.engine import metrics
from headrace.streams.engine.circuit_breaker import CircuitBreaker
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.dlq import dead_letter, retry_record
from headrace.streams.engine.headers import record_history
from headrace.streams.engine.outcome import Dead, Disposition, Done, Outcome, PauseStage, Retry, backoff, outcome_for
from headrace.streams.engine.ports import Producer
from headrace.streams.engine.runner import Runner
from headrace.streams.errors import OutageError, StageError, TransientError
from headrace.streams.stage import Stage

INLINE_RETRY_SECONDS = 2.0
INLINE_RETRY_ATTEMPTS = 3


_NOT_OVER = (PauseStage, Retry)

RecordPosition = tuple[str, int, int]
"""Topic, partition and offset of a record."""


def _ignore(why: str) -> None:
    """Nobody wants to know."""


class OutagePause:
    """Whether records of a stage wait for something shared to come back. Says so once, and once when none does.

    `changed` is told why they wait, and nothing when all go on.
    """

    def __init__(self, stage: str, changed: Callable[[str], None]) -> None:
        self._stage = stage
        self._changed = changed
        self._waiting: set[RecordPosition] = set()
        self.why = ""

    def hold(self, record: RecordPosition, why: str) -> None:
        """Note that a record waits."""
        self._waiting.add(record)
        if not self.why:
            metrics.log.warning("paused", stage=self._stage, why=why)
            metrics.PAUSED.labels(self._stage).set(1)
            self._changed(why)
        self.why = why

    def over(self, record: RecordPosition) -> None:
        """Note that a record waits no longer, if it did."""
        self._waiting.discard(record)
        if self.why and not self._waiting:
            metrics.log.info("resumed", stage=self._stage)
            metrics.PAUSED.labels(self._stage).set(0)
            self._changed("")
            self.why = ""


class Processor:
    """One stage's way from a record to its outcome."""

    def __init__(
        self, stage: Stage, context: RunnerContext, sender: Producer, paused: Callable[[str], None] = _ignore
    ) -> None:
        self._stage = stage
        self._context = context
        self._runner = Runner(stage, context)
        self._sender = sender
        self._fuse = CircuitBreaker(stage.name)
        self._telemetry = metrics.StageMetrics(stage.name)
        self.pause = OutagePause(stage.name, paused)

    async def process(self, received: ConsumerRecord) -> Disposition:
        """Run the stage on a record and return once its outcome is durable.

        Raises:
            CircuitOpenError: too many recent records failed with an internal error. No dead letter is written.
        """
        begun = time.monotonic()
        try:
            outcome, tries = await self._runner.run(received), 1
            if isinstance(outcome, _NOT_OVER):
                outcome, tries = await self._retry_inline(received, outcome)
            self._fuse.note(outcome)
            if not isinstance(outcome, Done) or outcome.events:
                outcome = await self._publish_outcome(received, outcome, tries)
        finally:  # also when it was cancelled: nobody waits for it any more
            if self.pause.why:
                self.pause.over(_where(received))
        self._telemetry.record_outcome(received, outcome, time.monotonic() - begun)
        return _disposition(outcome)

    async def on_deadline(self, received: ConsumerRecord) -> Disposition:
        """Retry or dead-letter a record that exceeded the stage's deadline."""
        why = f"not done after {self._stage.deadline_seconds:g} s"
        verdict = outcome_for(
            TransientError(why, "deadline"), record_history(received).failures + 1, self._context.draw
        )
        try:
            outcome = await self._publish_outcome(received, verdict, 1)
        finally:
            if self.pause.why:
                self.pause.over(_where(received))
        self._telemetry.record_outcome(received, outcome, self._stage.deadline_seconds)
        return _disposition(outcome)

    async def _retry_inline(self, received: ConsumerRecord, outcome: Outcome) -> tuple[Outcome, int]:
        """Run the stage in place again where waiting is short. Gives the ending, and all attempts it took."""
        tries = waits = 0
        while True:
            waits += 1
            if isinstance(outcome, PauseStage):
                await self._wait(received, outcome.why, waits)
            elif isinstance(outcome, Retry):
                tries += outcome.counts
                if outcome.after > INLINE_RETRY_SECONDS or waits > INLINE_RETRY_ATTEMPTS:
                    return outcome, tries
                await asyncio.sleep(outcome.after)
            else:
                return outcome, tries + 1
            outcome = await self._runner.run(received, tries, waits)
            if self.pause.why and not isinstance(outcome, PauseStage):
                self.pause.over(_where(received))

    async def _publish_outcome(self, received: ConsumerRecord, outcome: Outcome, tries: int) -> Outcome:
        """Put the ending on the log, however long the broker is away."""
        waits = 0
        while True:
            try:
                await self._sender.send(await self._messages(received, outcome, tries))
            except SendError as failure:
                if failure.final and isinstance(outcome, Done):
                    outcome = Dead("result_too_large", str(failure), type(failure).__name__)
                    continue
                waits += 1
                await self._wait(received, str(failure), waits)
            except StageError as failure:  # the store would not take the note of a failure
                waits += 1
                await self._wait(received, failure.why, waits)
            else:
                return outcome

    async def _messages(self, received: ConsumerRecord, outcome: Outcome, tries: int) -> Sequence[ProducerRecord]:
        if isinstance(outcome, Done):
            return outcome.events
        now = self._context.clock()
        if isinstance(outcome, Retry):
            return (retry_record(self._stage, received, outcome, tries, now),)
        if isinstance(outcome, Dead):
            await self._runner.remember_failure(received, outcome)
            return (dead_letter(self._stage, received, outcome, tries, now),)
        raise OutageError(outcome.why)

    async def _wait(self, received: ConsumerRecord, why: str, waits: int) -> None:
        self.pause.hold(_where(received), why)
        await asyncio.sleep(backoff(waits, self._context.draw, 30.0))


def _disposition(outcome: Outcome) -> Disposition:
    return Disposition.DEFERRED if isinstance(outcome, Retry) else Disposition.DONE


def _where(received: ConsumerRecord) -> RecordPosition:
    return received.topic, received.partition, received.offset
