"""The life of an asset as bars, and arrows from each event to the stages that it caused to run. Pure.

wait    for the stage to begin a job, for a retry, or for a result to be fetched
work    a job of AWS runs
both    a call without a job: its waiting and its work have one end only, the result
fail    the time up to a dead letter
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from headrace.console.assets.asset_event import LETTER, RETRY, AssetEvent
from headrace.console.assets.projection import AssetVersion
from headrace.schemas.records import JobFinished, JobStarted, MediaCompleted, MediaUploaded

BarTone = Literal["wait", "work", "both", "fail"]
SHORTEST = 0.004
"""The width of the shortest visible bar, as a share of the whole."""


@dataclass(frozen=True, slots=True)
class LifeBar:
    """A bar from `start` with a `width`, as shares of the whole time, and its length in seconds."""

    tone: BarTone
    start: float
    width: float
    seconds: float
    text: str


@dataclass(frozen=True, slots=True)
class StageLife:
    """The bars of a stage. `cause` is the stage whose event it worked on; empty for the upload."""

    stage: str
    status: str
    bars: tuple[LifeBar, ...]
    seconds: float
    attempts: int
    cause: str


@dataclass(frozen=True, slots=True)
class LifeArrow:
    """An event that caused a stage to run: its time as a share of the whole, and the rows that it connects.

    Row 0 is the upload, and row n the nth stage.
    """

    event: str
    at: float
    source: int
    target: int

    @property
    def is_down(self) -> bool:
        """Whether the stage is below its cause."""
        return self.source < self.target


@dataclass(frozen=True, slots=True)
class AssetLife:
    """The stages in the order of their begin, and the time between the first and the last event in seconds."""

    stages: tuple[StageLife, ...]
    arrows: tuple[LifeArrow, ...]
    begin: float
    seconds: float


def asset_life(version: AssetVersion) -> AssetLife:
    """Return the bars of a version, from its upload to its last event."""
    events = sorted((fact for fact in version.facts if fact.stage or fact.name == MediaUploaded.EVENT), key=_at)
    if not events:
        return AssetLife((), (), 0.0, 0.0)
    begin, seconds = events[0].at, max(events[-1].at - events[0].at, 0.001)
    causes = {fact.id: fact for fact in events if fact.id and fact.is_event}
    stages: dict[str, list[AssetEvent]] = {}
    for fact in events:
        if fact.stage and fact.name != MediaCompleted.EVENT:
            stages.setdefault(fact.stage, []).append(fact)
    scale = _Scale(begin, seconds)
    found = [_stage(name, own, causes, scale) for name, own in stages.items()]
    found.sort(key=lambda each: each.bars[0].start)
    rows = {"": 0} | {each.stage: row for row, each in enumerate(found, 1)}
    return AssetLife(tuple(found), tuple(_arrows(stages, causes, rows, scale)), begin, seconds)


@dataclass(frozen=True, slots=True)
class _Scale:
    begin: float
    seconds: float

    def share(self, at: float) -> float:
        return round(min(max((at - self.begin) / self.seconds, 0.0), 1.0), 5)

    def bar(self, tone: BarTone, start: float, end: float, text: str) -> LifeBar:
        share = min(self.share(start), 1.0 - SHORTEST)
        width = max((end - start) / self.seconds, SHORTEST)
        return LifeBar(tone, share, round(min(width, 1.0 - share), 5), max(0.0, end - start), text)


def _stage(name: str, own: Sequence[AssetEvent], causes: Mapping[str, AssetEvent], scale: _Scale) -> StageLife:
    cause = next((causes[fact.cause] for fact in own if fact.cause in causes and fact.name != JobFinished.EVENT), None)
    start = cause.at if cause else own[0].at
    bars = tuple(_bars(own, start, scale))
    last = own[-1]
    attempts = 1 + sum(fact.name == RETRY for fact in own)
    return StageLife(name, last.status or "running", bars, last.at - start, attempts, cause.stage if cause else "")


def _arrows(
    stages: Mapping[str, Sequence[AssetEvent]], causes: Mapping[str, AssetEvent], rows: Mapping[str, int], scale: _Scale
) -> Iterator[LifeArrow]:
    """Yield an arrow for each event of another stage, or of AWS, that a stage names as a cause."""
    for name, own in stages.items():
        others = {fact.cause: causes[fact.cause] for fact in own if fact.cause in causes}
        for cause in others.values():
            if cause.stage != name and cause.stage in rows:
                yield LifeArrow(cause.name, scale.share(cause.at), rows[cause.stage], rows[name])


def _bars(own: Iterable[AssetEvent], at: float, scale: _Scale) -> Iterable[LifeBar]:
    job = False
    for fact in own:
        tone, text = _meaning(fact, job)
        yield scale.bar(tone, at, fact.at, text)
        job = fact.name == JobStarted.EVENT
        at = fact.at


def _meaning(fact: AssetEvent, job: bool) -> tuple[BarTone, str]:
    """Return what the time up to an event was spent on. `job`: the event before it began a job."""
    if fact.name == LETTER:
        return "fail", f"failed: {fact.summary}"
    if fact.name == RETRY:
        return "wait", f"failed, and waits for a retry: {fact.summary}"
    if fact.name == JobStarted.EVENT:
        return "wait", "waited for the stage to begin the job"
    if fact.name == JobFinished.EVENT:
        return "work", "the job ran"
    return ("wait", "the job ran, its end is not on the log") if job else ("both", "waited, and worked")


def _at(fact: AssetEvent) -> float:
    return fact.at
