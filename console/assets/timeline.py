"""The timeline of an asset version: events with cause, duration, result and cost. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.console.assets.asset_event import AssetEvent, usd_of
from headrace.console.assets.projection import AssetVersion
from headrace.schemas.records import JobFinished, JobStarted


@dataclass(frozen=True, slots=True)
class TimelineStep:
    """One line of a timeline. `seconds` is the time since its cause; `record` is its topic, partition and offset."""

    at: float
    event: str
    id: str
    cause: str
    cause_event: str
    correlation: str
    stage: str
    seconds: float | None
    words: str
    location: str | None
    usd: float
    record: str
    deliveries: int


def timeline(version: AssetVersion) -> list[TimelineStep]:
    """List the steps of a version, oldest first, each after its cause if the log has it."""
    events = {fact.id: fact for fact in version.facts if fact.id and fact.is_event}
    starts = {fact.token: fact for fact in version.facts if fact.name == JobStarted.EVENT}
    causes = {fact.place: _cause(fact, events, starts) for fact in version.facts}
    return [_step(fact, causes[fact.place]) for fact in sorted(version.facts, key=lambda fact: _order(fact, causes))]


def _order(fact: AssetEvent, causes: dict[str, AssetEvent | None]) -> tuple[float, int, str]:
    """Order by time, but never before the cause: clocks of machines differ."""
    at, cause, depth = fact.at, causes[fact.place], 0
    while cause is not None and depth < len(causes):
        at, cause, depth = max(at, cause.at), causes[cause.place], depth + 1
    return at, depth, fact.place


def _step(fact: AssetEvent, cause: AssetEvent | None) -> TimelineStep:
    return TimelineStep(
        at=fact.at,
        event=fact.name,
        id=fact.id,
        cause=fact.cause or (cause.id if cause else ""),
        cause_event=cause.name if cause else "",
        correlation=fact.correlation,
        stage=fact.stage,
        seconds=fact.at - cause.at if cause else None,
        words=fact.summary,
        location=fact.location,
        usd=usd_of(fact.usd_nanos),
        record=fact.place,
        deliveries=fact.deliveries,
    )


def _cause(fact: AssetEvent, events: dict[str, AssetEvent], starts: dict[str, AssetEvent]) -> AssetEvent | None:
    """Find the cause. A job completion has only the token of its job."""
    cause = events.get(fact.cause)
    if cause is None and fact.name == JobFinished.EVENT:
        return starts.get(fact.token)
    return cause


def results_folder(steps: list[TimelineStep]) -> str:
    """Return the common folder of all results; empty without results."""
    location = next((step.location for step in steps if step.location), "")
    return location[: location.rfind("/") + 1]
