"""Generate the events of one asset, as the bridge and the workers would send them. Pure; deterministic by seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

import msgspec

from headrace.sandbox.fill.results import ResultSource
from headrace.sandbox.fill.stage_events import CHARGES, FAILURE, completed, free_result, job_result
from headrace.sandbox.names import MEDIA_BUCKET, REGION
from headrace.schemas.cloudevents import PREFIX, EventMetadata, timestamp
from headrace.schemas.ids import asset_key, derived_id, job_end_id, job_token, root_id
from headrace.schemas.records import Asset, Event, JobFinished, JobStarted, JobStatus, MediaUploaded
from headrace.streams import pipeline
from headrace.streams.engine.envelope import stage_envelope
from headrace.streams.handlers import FanIn
from headrace.streams.stage import Stage

STAGES = ("thumbnails", "scan", "probe", "ready", "labels", "moderation", "transcript", "completed")
"""The stages with results, in the order of the pipeline."""

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
PERIOD = timedelta(days=30)
"""Time between the first upload and the last."""

FAILURES_PER_1000 = 10
FOLDERS = 100
DEADLINE = timedelta(hours=6)
EVENT_NAME = "ObjectCreated:Put"


@dataclass(frozen=True, slots=True)
class FillPlan:
    """The number of assets, the number of `STAGES`, and the seed."""

    assets: int
    stages: int = len(STAGES)
    seed: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the stages."""
        return STAGES[: self.stages]


@dataclass(frozen=True, slots=True)
class GeneratedEvent:
    """An event with its envelope. `failed` names the stage that dead-letters the event, and `asset` its asset."""

    event: Event
    envelope: EventMetadata
    failed: str = ""
    asset: str = ""


class HistorySource:
    """Generates the events of the assets of a plan."""

    def __init__(self, plan: FillPlan, results: ResultSource) -> None:
        self.plan = plan
        self.stages: dict[str, Stage] = {stage.name: stage for stage in pipeline.stages()}
        self._results = results

    def events(self, number: int) -> Iterator[GeneratedEvent]:
        """Yield the events of one asset, oldest first."""
        random = Random((self.plan.seed << 40) + number)
        asset = self._asset(number, random)
        at = BEGIN + PERIOD * (number / self.plan.assets)
        uploaded = MediaUploaded(
            asset=asset, event_name=EVENT_NAME, uploaded_at=at, region=REGION, origin="notification"
        )
        id_ = root_id(asset, EVENT_NAME)
        cause = EventMetadata(id_, "aws:s3", PREFIX + uploaded.EVENT, timestamp(at), asset_key(asset), id_)
        yield GeneratedEvent(uploaded, cause)
        failure = random.choice([*CHARGES]) if random.randrange(1000) < FAILURES_PER_1000 else ""
        for stage in self.plan.names:
            at += timedelta(seconds=random.uniform(0.05, 2.0))
            if stage in CHARGES:
                seconds = random.uniform(5, 25)
                started, ended = self._job(stage, asset, cause, (at, at + timedelta(seconds=seconds)), stage == failure)
                yield from (started, ended)
                if stage != failure:
                    event = job_result(stage, number, asset, self._results)
                    finished_at = at + timedelta(seconds=seconds + 0.2)
                    origin = msgspec.structs.replace(ended.envelope, correlation_id=cause.correlation)
                    yield GeneratedEvent(event, self._envelope(stage, event, origin, finished_at))
                continue
            if stage == "completed":
                at += timedelta(seconds=30)
                expected = tuple(name for name in self.plan.names if name != stage)
                event = completed(asset, expected, failure if failure in expected else "")
            else:
                event = free_result(stage, asset, random, self._results)
            envelope = self._envelope(stage, event, cause, at)
            yield GeneratedEvent(event, envelope)
            if stage == "ready":
                cause = envelope

    def _asset(self, number: int, random: Random) -> Asset:
        version = f"{self.plan.seed:08x}{number:024x}"
        return Asset(
            bucket=MEDIA_BUCKET,
            key=f"fill-{self.plan.seed}/{number % FOLDERS:02}/video-{number:07}.mp4",
            version=version,
            version_id=version,
            etag=f"{number:032x}",
            size=random.randrange(1_000_000, 500_000_000),
            sequencer=f"{number:018X}",
        )

    def _job(
        self, stage: str, asset: Asset, cause: EventMetadata, times: tuple[datetime, datetime], failed: bool
    ) -> tuple[GeneratedEvent, GeneratedEvent]:
        """Return the start and the end of a job. The stage dead-letters the end of a failed job."""
        charge, (begin, end) = CHARGES[stage][0], times
        token = job_token(stage, asset, self.stages[stage].result_name)
        started = JobStarted(
            asset=asset,
            stage=stage,
            token=token,
            partition=0,
            service=charge.service,
            operation=charge.operation,
            job_id=token,
            usd=charge.usd,
            started_at=begin,
            deadline_at=begin + DEADLINE,
        )
        status: JobStatus = "failed" if failed else "succeeded"
        finished = JobFinished(
            token=token,
            service=charge.service,
            operation=charge.operation,
            job_id=token,
            status=status,
            message=FAILURE if failed else None,
            finished_at=end,
        )
        id_ = job_end_id(charge.service, token, token, status)
        envelope = EventMetadata(id_, f"aws.{charge.service}", PREFIX + finished.EVENT, timestamp(end), token, id_)
        first = GeneratedEvent(started, self._envelope(stage, started, cause, begin, "started"))
        return first, GeneratedEvent(finished, envelope, stage if failed else "", asset_key(asset))

    def _envelope(
        self, stage: str, event: Event, cause: EventMetadata, at: datetime, ordinal: int | str = 0
    ) -> EventMetadata:
        definition = self.stages[stage]
        if isinstance(definition.handler, FanIn):  # the id of a fan-in depends on its content
            ordinal = hashlib.sha256(msgspec.json.encode(event)).hexdigest()[:16]
        return stage_envelope(definition, event, derived_id(cause.id, stage, definition.version, ordinal), cause, at)
