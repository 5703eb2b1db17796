"""What a stage is: plain async functions, and the facts that the runner needs to know about them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.schemas.cloudevents import EventMetadata
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import Asset, Charge, Event, JobFinished, JobStarted
from headrace.schemas.topics import JOBS_FINISHED, Topic, retry
from headrace.streams.results import AssetResults
from headrace.streams.rules.record_predicate import Predicate, record_predicate
from headrace.streams.services import Services

EventPattern = Mapping[str, Any]
RunStage = Callable[[Any, Services], Awaitable[Event | None]]
GatherResults = Callable[[Asset, AssetResults], Awaitable[Event | None]]
RouteRecord = Callable[[ConsumerRecord, Event, EventMetadata], Awaitable[tuple[ProducerRecord, ...] | None]]
CheckJob = Callable[[JobStarted, AssetResults, Services], Awaitable[JobFinished | None]]
StartJob = Callable[[Any, str, Services], Awaitable[str]]
FinishJob = Callable[["FinishedJob", Services], Awaitable[Event]]

MAX_ATTEMPTS = 8
NAME = re.compile(r"[a-z][a-z0-9-]{0,22}")


@dataclass(frozen=True, slots=True)
class FinishedJob:
    """A job that has ended well: what the service says, and the record that it was started for."""

    job: JobFinished
    record: Any

    @property
    def asset(self) -> Asset:
        """The object version that the job was about."""
        asset: Asset = self.record.asset
        return asset


@dataclass(frozen=True, slots=True)
class AsyncJob:
    """The two halves of work that takes hours: `start` submits and lets go, `finish` is woken by the completion.

    `start` is given the job's token, which is the same on every attempt, and returns the service's job id. A service
    that is not `repeatable` starts another job for the same token: starts where that may have happened are counted.
    """

    service: str
    operation: str
    start: StartJob
    finish: FinishJob
    when: EventPattern = field(default_factory=dict)
    deadline_seconds: float = 6 * 3600.0
    idempotent_start: bool = True


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the pipeline: its own consumer group, retry topic and dead-letter topic.

    `run` takes a record and returns the resulting event, or None where there is nothing to say. `gather` is for
    fan-in: it takes what the store has about an asset and returns an event once the set is whole. `check` looks after
    a job that was started. `route` hands a record on and says what is to be sent, or None where it is none of its
    business; nothing of it is stored.

    `when` is an event pattern over the record: what does not match is not this stage's business. `only` is a second
    one, by which a pipeline file narrows it. `calls` names the paid operations behind it, such as
    `transcribe.start_transcription_job`, whose rate its workers share, `parts` what of them is priced apart. `options`
    tells results apart that were made under other settings; `configure` builds the stage with settings of a pipeline
    file, which it takes as keyword arguments beside `options`.

    `ordered` is for a stage whose records of one key must never pass each other: one that has to be tried again later
    holds back the later ones until it has ended, well or not. Else only those pass that are in nobody's way.

    `epoch` counts how often somebody asked for new effects: results and jobs of an earlier one count no longer.
    `max_attempts` is how often what may work later is tried.
    """

    name: str
    reads: tuple[Topic, ...]
    writes: Topic | None = None
    run: RunStage | None = None
    gather: GatherResults | None = None
    job: AsyncJob | None = None
    check: CheckJob | None = None
    route: RouteRecord | None = None
    when: EventPattern = field(default_factory=dict)
    filter_override: EventPattern = field(default_factory=dict)
    version: int = 1
    options: tuple[str, ...] = ()
    factory: Callable[..., Stage] | None = None
    paid_operations: tuple[str, ...] = ()
    priced_features: tuple[str, ...] = ()
    deadline_seconds: float = 300.0
    ordered: bool = False
    epoch: int = 0
    max_attempts: int = MAX_ATTEMPTS

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"stage name {self.name!r}: lower-case letters, digits and hyphens, at most 23")
        if not (self.run or self.gather or self.job or self.check or self.route):
            raise ValueError(f"stage {self.name} has nothing to run")

    @property
    def group(self) -> str:
        """The stage's consumer group."""
        return f"headrace.{self.name}"

    @property
    def inputs(self) -> tuple[Topic, ...]:
        """Every topic that the stage's consumer group reads."""
        completions = (JOBS_FINISHED,) if self.job else ()
        return (*self.reads, *completions, retry(self.name))

    @property
    def version_key(self) -> str:
        """The stage's version, with its epoch where there is one: `1`, `1e2`."""
        return f"{self.version}e{self.epoch}" if self.epoch else str(self.version)

    @property
    def result_name(self) -> str:
        """What the stage's result is called in the store: `labels@1`, with a digest of options where it has some."""
        if not self.options:
            return f"{self.name}@{self.version_key}"
        digest = hashlib.sha256("\n".join(self.options).encode()).hexdigest()[:8]
        return f"{self.name}@{self.version_key}-{digest}"


def record_filter(stage: Stage) -> Predicate:
    """Build what tells a stage's records from those that are not its business."""
    own, chosen = record_predicate(stage.when), record_predicate(stage.filter_override)
    return own if not stage.filter_override else lambda record: own(record) and chosen(record)


def charges_of(event: Event) -> tuple[Charge, ...]:
    """What the paid calls behind an event cost; empty for events that cost nothing."""
    return getattr(event, "charges", ())


IS_FILE: EventPattern = {"asset": {"key": [{"anything-but": {"suffix": "/"}}]}}
"""What consoles call a folder is an object of zero bytes whose key ends in a slash."""
