"""What the stages of a pipeline do in an average day, by stage and by topic. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from headrace.console.capacity.assumptions import Assumptions
from headrace.console.capacity.calls import ai_calls, sampled_frames
from headrace.console.capacity.measured import Measured, MediaCpu, S3Requests
from headrace.console.capacity.workload import FILE_KINDS, Workload, WorkloadKind
from headrace.console.pipeline.fan_out import COMPLETED, FanOut, StageDelivery, StageFilters, fan_out
from headrace.streams.costs.estimates import estimate
from headrace.streams.costs.prices import PriceList
from headrace.streams.handlers import AsyncJob, FanIn
from headrace.streams.stage import Stage

UNKNOWN_BYTES = 1_000.0
"""The size of a record of a topic that was not measured, such as that of a stage of another package."""
FRAMES_PER_FILE = 10
"""Answers for frames that are stored in one object."""


def _numbers() -> defaultdict[str, float]:
    return defaultdict(float)


@dataclass(slots=True)
class StageDemand:
    """What one stage does in a day."""

    stage: Stage
    records: float = 0.0
    jobs: float = 0.0
    job_seconds: float = 0.0
    usd: float = 0.0
    unpriced: float = 0.0
    cpu_seconds: float = 0.0
    downloaded_mb: float = 0.0
    s3: defaultdict[str, float] = field(default_factory=_numbers)
    ai: defaultdict[str, float] = field(default_factory=_numbers)

    @property
    def s3_requests(self) -> float:
        """Return the number of S3 requests."""
        return sum(self.s3.values())

    @property
    def ai_calls(self) -> float:
        """Return the number of calls of AI services."""
        return sum(self.ai.values())


@dataclass(slots=True)
class TopicDemand:
    """The records of a topic in a day, and their bytes without compression."""

    records: float = 0.0
    size: float = 0.0


@dataclass(frozen=True, slots=True)
class Demand:
    """What a pipeline does in a day."""

    stages: tuple[StageDemand, ...]
    topics: Mapping[str, TopicDemand]
    stored_bytes: float


def compute_demand(
    stages: Sequence[Stage], workload: Workload, assumed: Assumptions, measured: Measured, prices: PriceList
) -> Demand:
    """Add up what a pipeline does for the files of a day."""
    demands = {stage.name: StageDemand(stage) for stage in stages}
    topics: defaultdict[str, TopicDemand] = defaultdict(TopicDemand)
    filters, stored = StageFilters(stages), 0.0
    for kind in FILE_KINDS:
        files = workload.of(kind)
        if not files:
            continue
        followed = fan_out(filters, workload.media(kind), workload.words(kind, assumed))
        _add_topics(topics, followed, files, measured.record_bytes[kind] | _summary_bytes(followed, measured))
        model = _KindModel(kind, files, workload, assumed, measured, prices)
        for delivery in followed.deliveries:
            stored += model.add(demands[delivery.stage.name], delivery, len(followed.of(delivery.stage)))
    return Demand(tuple(demands.values()), dict(topics), stored)


def _summary_bytes(followed: FanOut, measured: Measured) -> dict[str, float]:
    """Return the size of the record that completes an asset: it names every result."""
    results = sum(each.stage.writes == COMPLETED for each in followed.deliveries)
    return {COMPLETED.name: measured.summary_bytes + results * measured.summary_bytes_per_result}


def _add_topics(
    topics: Mapping[str, TopicDemand], followed: FanOut, files: float, record_bytes: Mapping[str, float]
) -> None:
    for name, count in followed.records.items():
        topic = topics[name]
        topic.records += count * files
        topic.size += count * files * record_bytes.get(name, UNKNOWN_BYTES)


@dataclass(frozen=True, slots=True)
class _KindModel:
    """The coefficients for the files of one kind."""

    kind: WorkloadKind
    files: float
    workload: Workload
    assumed: Assumptions
    measured: Measured
    prices: PriceList

    def add(self, demand: StageDemand, delivery: StageDelivery, deliveries: int) -> float:
        """Add one of a stage's deliveries for every file of the kind; return the bytes that are stored for it.

        A fan-in reads the file once, for its last input. The summary of an asset reads a share of all results for each.
        """
        stage, calls = delivery.stage, ai_calls(delivery)
        frames = sampled_frames(stage, delivery.record)
        share = 1 / deliveries if isinstance(stage.handler, FanIn) else 1.0
        requests, cpu = self._requests(stage, frames), self._cpu(stage, frames) * share
        if stage.writes == COMPLETED:
            requests = S3Requests(requests.list, requests.get * deliveries, requests.put)
        usd = estimate(stage, delivery.record, self.prices) if calls else 0.0
        demand.records += self.files
        demand.usd += self.files * (usd or 0.0)
        demand.unpriced += self.files * (usd is None)
        demand.jobs += self.files * delivery.is_job
        demand.job_seconds += self.files * delivery.is_job * self._job_seconds()
        demand.cpu_seconds += self.files * (cpu + self.measured.call_cpu_seconds * (requests.total + calls.total()))
        demand.downloaded_mb += self.files * self.workload.size_mb * share * (cpu > 0)
        for name in ("list", "get", "put"):
            demand.s3[name] += self.files * getattr(requests, name)
        for name, count in calls.items():
            demand.ai[name] += self.files * count
        return self.files * requests.put * self.measured.object_bytes[self.kind]

    def _requests(self, stage: Stage, frames: int) -> S3Requests:
        known = self.measured.s3[self.kind].get(stage.name)
        found = known or next((by[stage.name] for by in self.measured.s3.values() if stage.name in by), None)
        found = found or usual_requests(stage)
        return S3Requests(found.list, found.get, found.put + frames * (1 + 1 / FRAMES_PER_FILE))

    def _cpu(self, stage: Stage, frames: int) -> float:
        cpu = self.measured.media_cpu.get(f"{stage.name}.{self.kind}", MediaCpu())
        if frames:
            cpu = self.measured.media_cpu["frames.video"]
        minutes = self.workload.seconds(self.kind) / 60
        return cpu.file + cpu.minute * minutes + cpu.mb * self.workload.size_mb

    def _job_seconds(self) -> float:
        minutes = self.workload.seconds(self.kind) / 60
        return self.assumed.job_seconds + minutes * self.assumed.job_seconds_per_minute


def usual_requests(stage: Stage) -> S3Requests:
    """Return the S3 requests of a stage that was not measured, by the kind of its handler."""
    if isinstance(stage.handler, AsyncJob):
        return S3Requests(list=2, get=1, put=4)
    if isinstance(stage.handler, FanIn):
        return S3Requests(list=1, get=2, put=1)
    return S3Requests(list=1, get=1, put=2)
