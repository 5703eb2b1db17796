"""Run a record until its outcome is durable: retry in place, wait for outages, publish before the commit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from headrace.schemas.ids import asset_key
from headrace.schemas.messages import ConsumerRecord, ProducerRecord, SendError
from headrace.streams.engine import metrics
from headrace.streams.engine.circuit_breaker import CircuitBreaker
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.dlq import dead_letter, retry_record
from headrace.streams.engine.headers import record_history
from headrace.streams.engine.outage_pause import OutagePause, position_of
from headrace.streams.engine.outcome import (
    EVERY_ERROR,
    INTERNAL_ERROR,
    OUTAGE_CAP_SECONDS,
    Dead,
    Done,
    Outcome,
    PauseStage,
    RecordDisposition,
    Retry,
    outcome_for,
    raise_if_cancelled,
)
from headrace.streams.engine.partition import scheduling_key
from headrace.streams.engine.ports import Producer
from headrace.streams.engine.runner import Runner
from headrace.streams.errors import OutageError, StageError, ThrottledError, TransientError
from headrace.streams.handlers import Transform
from headrace.streams.stage import Stage

INLINE_RETRY_SECONDS = 2.0
INLINE_RETRY_ATTEMPTS = 3
ADMISSION_POLL_SECONDS = 0.5
SETTLING_ATTEMPTS = 5
"""Attempts to settle a record before it is dead-lettered."""

_NOT_FINAL = (PauseStage, Retry)


class Processor:
    """Runs the records of one stage."""

    def __init__(
        self, stage: Stage, context: RunnerContext, producer: Producer, paused: Callable[[str], None] = lambda _: None
    ) -> None:
        self._stage = stage
        self._context = context
        self._runner = Runner(stage, context)
        self._producer = producer
        self._breaker = CircuitBreaker(self._sample_fails)
        self._sample: ConsumerRecord | None = None
        """The last record that succeeded. Only calls without a charge are repeated."""
        self._telemetry = metrics.StageMetrics(stage.name, stage.quiet)
        self.pause = OutagePause(stage.name, paused)

    async def process(self, record: ConsumerRecord) -> RecordDisposition:
        """Run the stage on a record and return once its outcome is durable. Wait while the circuit breaker is open."""
        started, key = time.monotonic(), scheduling_key(record)

        async def attempt() -> Outcome:
            await self._admission(record, key)
            outcome, tries = await self._runner.run(record), 1
            if isinstance(outcome, _NOT_FINAL):
                outcome, tries = await self._retry_inline(record, outcome)
            await self._breaker.note(key, outcome)
            if not isinstance(outcome, Done) or outcome.events:
                outcome = await self._publish_outcome(record, outcome, tries)
            return outcome

        try:
            outcome = await self._settled(record, attempt)
        finally:  # also after a cancellation
            self._breaker.abandon(key)
        if isinstance(outcome, Done) and outcome.how == "ran" and self._is_repeatable:
            self._sample = record
        self._telemetry.record_outcome(record, outcome, time.monotonic() - started)
        return _disposition(outcome)

    async def on_deadline(self, record: ConsumerRecord) -> RecordDisposition:
        """Retry or dead-letter a record that exceeded the stage's deadline.

        It counts no attempt while the circuit breaker is open.
        """
        why = f"deadline of {self._stage.deadline_seconds:g} s exceeded"
        origin = record_history(record)
        opened = self._breaker.why
        error = ThrottledError(opened, "circuit_breaker") if opened else TransientError(why, "deadline")
        deadline_outcome = outcome_for(
            error, origin.failures + 1, self._context.draw, origin.waits, self._stage.retry_policy
        )
        outcome = await self._settled(
            record, lambda: self._publish_outcome(record, deadline_outcome, tries=0 if opened else 1)
        )
        self._telemetry.record_outcome(record, outcome, self._stage.deadline_seconds)
        return _disposition(outcome)

    async def _settled(self, record: ConsumerRecord, attempt: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Return the outcome once it is durable, whatever raises on the way.

        The record stays uncommitted and the stage is reported as paused while it is tried again with back-off. Other
        records go on. After `SETTLING_ATTEMPTS` the record is at fault: its outcome is a dead letter.
        """
        failures = 0
        try:
            while True:
                try:
                    return await attempt()
                except EVERY_ERROR as error:  # nothing that happens around an outcome may end a worker
                    raise_if_cancelled(error)
                    failures += 1
                    dead = self._settling_failed(record, error, failures)
                    if failures >= SETTLING_ATTEMPTS:
                        attempt = partial(self._publish_outcome, record, dead, 1)
                    await self._wait(record, dead.why, failures)
        finally:  # also after a cancellation
            if self.pause.why:
                self.pause.over(position_of(record))

    def _settling_failed(self, record: ConsumerRecord, error: BaseException, failures: int) -> Dead:
        """Report an error and return the dead letter that it leads to."""
        dead = Dead(INTERNAL_ERROR, f"settling the outcome failed: {error!r}", type(error).__name__)
        metrics.SETTLING_FAILURES.labels(self._stage.name).inc()
        metrics.log.error(
            "settling_failed",
            stage=self._stage.name,
            record="/".join(map(str, position_of(record))),
            reason=dead.why,
            attempt=failures,
            where=metrics.origin_of(error),
        )
        return dead

    @property
    def _is_repeatable(self) -> bool:
        return isinstance(self._stage.handler, Transform) and not self._stage.paid_operations

    async def _sample_fails(self) -> bool:
        if self._sample is None:
            return False
        outcome = await self._runner.repeat(self._sample)
        return isinstance(outcome, Dead) and outcome.code == INTERNAL_ERROR

    async def _admission(self, record: ConsumerRecord, key: object) -> None:
        """Wait until the circuit breaker admits the record."""
        while not self._breaker.admits(key):
            self.pause.hold(position_of(record), self._breaker.why)
            await asyncio.sleep(ADMISSION_POLL_SECONDS)

    async def _retry_inline(self, record: ConsumerRecord, outcome: Outcome) -> tuple[Outcome, int]:
        """Retry in place while the wait is short. Returns the outcome and the number of attempts."""
        tries = waits = 0
        while True:
            waits += 1
            if isinstance(outcome, PauseStage):
                await self._wait(record, outcome.why, waits)
            elif isinstance(outcome, Retry):
                tries += outcome.counts
                if outcome.after > INLINE_RETRY_SECONDS or waits > INLINE_RETRY_ATTEMPTS:
                    return outcome, tries
                await asyncio.sleep(outcome.after)
            else:
                return outcome, tries + 1
            outcome = await self._runner.run(record, tries, waits)
            if self.pause.why and not isinstance(outcome, PauseStage):
                self.pause.over(position_of(record))

    async def _publish_outcome(self, record: ConsumerRecord, outcome: Outcome, tries: int) -> Outcome:
        """Publish the outcome, waiting for the broker as long as needed."""
        waits = 0
        while True:
            try:
                await self._producer.send(await self._messages(record, outcome, tries))
            except SendError as failure:
                if failure.final and isinstance(outcome, Done):
                    outcome = Dead("result_too_large", str(failure), type(failure).__name__)
                    continue
                waits += 1
                await self._wait(record, str(failure), waits)
            except StageError as failure:  # the results store rejected the failure
                waits += 1
                await self._wait(record, failure.why, waits)
            else:
                return outcome

    async def _messages(self, record: ConsumerRecord, outcome: Outcome, tries: int) -> Sequence[ProducerRecord]:
        if isinstance(outcome, Done):
            return outcome.events
        now = self._context.clock()
        if isinstance(outcome, Retry):
            return (retry_record(self._stage, record, outcome, tries, now),)
        if isinstance(outcome, Dead):
            asset = await self._runner.remember_failure(record, outcome)
            return (dead_letter(self._stage, record, outcome, tries, now, asset_key(asset) if asset else ""),)
        raise OutageError(outcome.why)

    async def _wait(self, record: ConsumerRecord, why: str, waits: int) -> None:
        self.pause.hold(position_of(record), why)
        await asyncio.sleep(self._stage.retry_policy.delay(waits, self._context.draw, OUTAGE_CAP_SECONDS))


def _disposition(outcome: Outcome) -> RecordDisposition:
    match outcome:
        case Retry():
            return RecordDisposition.DEFERRED
        case Dead():
            return RecordDisposition.DEAD_LETTERED
        case Done(how="superseded"):
            return RecordDisposition.SUPERSEDED
        case Done(how="shadowed"):
            return RecordDisposition.SHADOWED
        case _:
            return RecordDisposition.DONE
