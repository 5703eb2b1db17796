"""Has a stage work records of a trial: with the store as it is, with what services answered, and nothing else.

A job is not started: where one was, it ends at once with what the service has of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from headrace.console.errors import CommandError
from headrace.console.replay.trial.diff import RecordDiff, changes, verdict_of
from headrace.console.replay.trial.overlay_bucket import OverlayBucket
from headrace.console.replay.trial.recorded_aws import REFUSED, RecordedAws, remembering
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import Asset, Event, JobFinished, JobStarted, Pointer
from headrace.schemas.serde.codec import Codec, DecodeError
from headrace.streams.aws import services as aws_services
from headrace.streams.aws.s3 import S3Bucket
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.dlq import dead_letter, sanitize_reason
from headrace.streams.engine.outcome import Dead, Done, PauseStage, Retry, label
from headrace.streams.engine.runner import Runner
from headrace.streams.errors import PermanentError
from headrace.streams.limits.job_slots import JobSlots
from headrace.streams.results import AssetResults, ResultsBucket, ResultsStore
from headrace.streams.rules.record_predicate import record_predicate
from headrace.streams.services import Services
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import AsyncJob, FinishedJob, Stage, Transform

AT_A_TIME = 16
TRIES = 3
LONGEST_WAIT = 2.0


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What became of one record: what the stage would have sent, and how that compares."""

    messages: tuple[ProducerRecord, ...]
    compared: RecordDiff


class TrialExecutor:
    """One stage over records, apart from everything that is live. Close it in the end."""

    def __init__(self, stage: Stage, trial: str, settings: StreamSettings, book: Codec) -> None:
        self._aws = RecordedAws(AT_A_TIME)
        live: ResultsBucket = S3Bucket(self._aws, settings.results_bucket)
        apart = OverlayBucket(live, trial, stage.name)
        self._stage, self._book, self._live = stage, book, ResultsStore(live)
        services = aws_services.build_services(self._aws, apart, settings)
        context = RunnerContext(book, ResultsStore(apart), services, JobSlots({}, 1))
        self._runner = Runner(_without_jobs(stage, self._live), context)

    def close(self) -> None:
        """Let the threads go."""
        self._aws.close()

    def batch(self, records: Sequence[ConsumerRecord]) -> list[TrialResult]:
        """Work records, those of one key in their order. Raises `Refused` while something shared is not there."""
        return asyncio.run(self._batch(records))

    async def _batch(self, records: Sequence[ConsumerRecord]) -> list[TrialResult]:
        keys: dict[bytes | None, list[int]] = {}
        for number, record in enumerate(records):
            keys.setdefault(record.key, []).append(number)
        free, found = asyncio.Semaphore(AT_A_TIME), dict[int, TrialResult]()

        async def in_turn(numbers: Iterable[int]) -> None:
            async with free:
                for number in numbers:
                    found[number] = await self._one(records[number])

        await asyncio.gather(*(in_turn(numbers) for numbers in keys.values()))
        return [found[number] for number in range(len(records))]

    async def _one(self, record: ConsumerRecord) -> TrialResult:
        before = await self._before(record)
        with remembering(await self._answer(before)):
            outcome = await self._ended(record)
        if isinstance(outcome, Done):
            after = self._book.decode(outcome.events[0].value) if outcome.events else None
            return TrialResult(outcome.events, self._compared(record, before, after, outcome))
        letter = dead_letter(self._stage, record, outcome, 1, datetime.now(UTC))
        return TrialResult((letter,), self._compared(record, before, None, outcome))

    async def _ended(self, record: ConsumerRecord) -> Done | Dead:
        """Try a few times, with short waits, and then give up as the stage would after many."""
        code = why = ""
        for tries in range(TRIES):
            match await self._runner.run(record, tries):
                case Done() | Dead() as outcome:
                    return outcome
                case Retry() as again:
                    code, why, seconds = again.code, again.why, again.after
                case PauseStage() as wait:
                    code, why, seconds = "", wait.why, wait.seconds
            await asyncio.sleep(min(LONGEST_WAIT, seconds))
        if not code:
            raise CommandError(f"{why}: the trial stops here; run it again to go on")
        return Dead(code, f"{why} (a trial tries {TRIES} times)")

    async def _before(self, record: ConsumerRecord) -> Event | None:
        """Give the stage's answer to a record as it is in the store."""
        try:
            asset: Asset | None = getattr(await self._book.decode_async(record.value), "asset", None)
        except DecodeError:
            return None
        if asset is None:
            return None
        return await (await self._live.load(asset)).event(self._stage.name)

    async def _answer(self, before: Event | None) -> bytes | None:
        """Give the service's whole answer, which lies where the event says."""
        pointer = getattr(before, "result", None)
        if not isinstance(pointer, Pointer) or not pointer.key.endswith(".answer.json"):
            return None
        try:
            return await self._live.read(pointer)
        except PermanentError:
            return None

    def _compared(
        self, record: ConsumerRecord, before: Event | None, after: Event | None, outcome: Done | Dead
    ) -> RecordDiff:
        found = changes(before, after) if before is not None and after is not None else ()
        verdict = verdict_of(before, after, found)
        code = ""
        if isinstance(outcome, Dead):
            verdict = "refused" if outcome.code == REFUSED else "unanswered" if before is None else "fails"
            code = outcome.code
        place = f"{record.topic}/{record.partition}/{record.offset}"
        key = (record.key or b"").decode(errors="replace")
        return RecordDiff(place, key, verdict, label(outcome), found, code, sanitize_reason(outcome.why))


def _without_jobs(stage: Stage, live: ResultsStore) -> Stage:
    """Make a stage of a job's two halves that ends at once with what the service has of the job it once started."""
    job = stage.job
    if job is None:
        return stage
    is_job = record_predicate(job.when)

    async def run(record: Any, services: Services) -> Event | None:
        if job.otherwise is not None and not is_job(record):
            return await job.otherwise.run(record, services)
        ended = await _end_of(stage, job, record.asset, await live.load(record.asset))
        return await job.finish(FinishedJob(ended, record), services)

    return replace(stage, handler=Transform(run))


async def _end_of(stage: Stage, job: AsyncJob, asset: Asset, shelf: AssetResults) -> JobFinished:
    started = await shelf.started(stage.name)
    if not isinstance(started, JobStarted):
        raise PermanentError(REFUSED, f"a trial starts no job, and {stage.name} has started none for this object")
    return JobFinished(
        token=started.token,
        service=job.service,
        operation=job.operation,
        job_id=started.job_id,
        status="succeeded",
        finished_at=datetime.now(UTC),
    )
