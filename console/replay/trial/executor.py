"""Process the records of a shadow run with the stored results and the recorded responses of AWS services.

No job is started: a job that was started before ends at once, with its existing result.
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
from headrace.console.replay.trial.recorded_aws import REFUSED, RecordedAws, recorded_answer
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import Asset, Event, JobFinished, JobStarted, Pointer
from headrace.schemas.safe_text import header_text
from headrace.schemas.serde.codec import Codec, DecodeError
from headrace.streams.aws import services as aws_services
from headrace.streams.aws.s3 import S3Bucket
from headrace.streams.costs.prices import load_price_list
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.dlq import dead_letter
from headrace.streams.engine.outcome import Dead, Done, PauseStage, Retry, label
from headrace.streams.engine.runner import Runner
from headrace.streams.errors import PermanentError
from headrace.streams.handlers import AsyncJob, FinishedJob, Transform
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.results import AssetResults, ResultsBucket, ResultsStore
from headrace.streams.rules.record_predicate import record_predicate
from headrace.streams.services import Services
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import Stage

CONCURRENCY = 16
MAX_ATTEMPTS = 3
MAX_WAIT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class TrialResult:
    """The records that the stage would have sent for one record, and their comparison."""

    messages: tuple[ProducerRecord, ...]
    diff: RecordDiff


class TrialExecutor:
    """Process records with one stage, isolated from live data. Call `close` when done."""

    def __init__(self, stage: Stage, trial: str, settings: StreamSettings, codec: Codec) -> None:
        self._aws = RecordedAws(CONCURRENCY)
        live: ResultsBucket = S3Bucket(self._aws, settings.results_bucket)
        overlay = OverlayBucket(live, trial, stage.name)
        self._stage, self._codec, self._live = stage, codec, ResultsStore(live)
        prices = load_price_list()
        services = aws_services.build_services(self._aws, overlay, settings, prices)
        context = RunnerContext(codec, ResultsStore(overlay), services, UnlimitedSlots(), prices)
        self._runner = Runner(_without_jobs(stage, self._live), context)

    def close(self) -> None:
        """Stop the threads."""
        self._aws.close()

    def process(self, records: Sequence[ConsumerRecord]) -> list[TrialResult]:
        """Process records, those of one key in order. Raises `CommandError` if a shared dependency is unavailable."""
        return asyncio.run(self._process(records))

    async def _process(self, records: Sequence[ConsumerRecord]) -> list[TrialResult]:
        keys: dict[bytes | None, list[int]] = {}
        for number, record in enumerate(records):
            keys.setdefault(record.key, []).append(number)
        semaphore, results = asyncio.Semaphore(CONCURRENCY), dict[int, TrialResult]()

        async def process_key(numbers: Iterable[int]) -> None:
            async with semaphore:
                for number in numbers:
                    results[number] = await self._one(records[number])

        await asyncio.gather(*(process_key(numbers) for numbers in keys.values()))
        return [results[number] for number in range(len(records))]

    async def _one(self, record: ConsumerRecord) -> TrialResult:
        before = await self._stored_event(record)
        with recorded_answer(await self._stored_answer(before)):
            outcome = await self._run(record)
        if isinstance(outcome, Done):
            after = self._codec.decode(outcome.events[0].value) if outcome.events else None
            return TrialResult(outcome.events, self._diff(record, before, after, outcome))
        letter = dead_letter(self._stage, record, outcome, 1, datetime.now(UTC))
        return TrialResult((letter,), self._diff(record, before, None, outcome))

    async def _run(self, record: ConsumerRecord) -> Done | Dead:
        """Run the stage up to three times with short waits; then return `Dead`, as a worker does after its retries."""
        code = why = ""
        for attempt in range(MAX_ATTEMPTS):
            match await self._runner.run(record, attempt):
                case Done() | Dead() as outcome:
                    return outcome
                case Retry() as retry:
                    code, why, seconds = retry.code, retry.why, retry.after
                case PauseStage() as pause:
                    code, why, seconds = "", pause.why, pause.seconds
            await asyncio.sleep(min(MAX_WAIT_SECONDS, seconds))
        if not code:
            raise CommandError(f"{why}. The shadow run stopped; run the command again to continue")
        return Dead(code, f"{why} (a shadow run makes {MAX_ATTEMPTS} attempts)")

    async def _stored_event(self, record: ConsumerRecord) -> Event | None:
        """Return the stage's stored result for a record, or None."""
        try:
            asset: Asset | None = getattr(await self._codec.decode_async(record.value), "asset", None)
        except DecodeError:
            return None
        if asset is None:
            return None
        return await (await self._live.load(asset)).event(self._stage.name)

    async def _stored_answer(self, before: Event | None) -> bytes | None:
        """Return the service response stored beside a result, or None."""
        pointer = getattr(before, "result", None)
        if not isinstance(pointer, Pointer) or not pointer.key.endswith(".answer.json"):
            return None
        try:
            return await self._live.read(pointer)
        except PermanentError:
            return None

    def _diff(
        self, record: ConsumerRecord, before: Event | None, after: Event | None, outcome: Done | Dead
    ) -> RecordDiff:
        field_changes = changes(before, after) if before is not None and after is not None else ()
        verdict = verdict_of(before, after, field_changes)
        code = ""
        if isinstance(outcome, Dead):
            verdict = "refused" if outcome.code == REFUSED else "unanswered" if before is None else "fails"
            code = outcome.code
        place = f"{record.topic}/{record.partition}/{record.offset}"
        key = (record.key or b"").decode(errors="replace")
        return RecordDiff(place, key, verdict, label(outcome), field_changes, code, header_text(outcome.why))


def _without_jobs(stage: Stage, live: ResultsStore) -> Stage:
    """Return a stage that ends a job at once, with the existing result of the job it started before."""
    job = stage.job
    if job is None:
        return stage
    is_job = record_predicate(job.when)

    async def run(record: Any, services: Services) -> Event | None:
        if job.otherwise is not None and not is_job(record):
            return await job.otherwise.run(record, services)
        finished = await _finished(stage, job, record.asset, await live.load(record.asset))
        return await job.finish(FinishedJob(finished, record), services)

    return replace(stage, handler=Transform(run))


async def _finished(stage: Stage, job: AsyncJob, asset: Asset, results: AssetResults) -> JobFinished:
    started = await results.started(stage.name)
    if not isinstance(started, JobStarted):
        raise PermanentError(REFUSED, f"a shadow run starts no jobs, and {stage.name} has started none for this object")
    return JobFinished(
        token=started.token,
        service=job.service,
        operation=job.operation,
        job_id=started.job_id,
        status="succeeded",
        finished_at=datetime.now(UTC),
    )
