"""What the log says of every object: records in, the state of each asset version out. Pure, and in any order.

    processing    stages are still to end
    completed     every stage that was expected has ended, well or not
    superseded    a newer version came first
    deleted       the object was removed, or this version of it

Delivery is at least once, so one event may stand on the log several times: it is known by its id and counted once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from headrace.console.kafka.entry import LetterInfo, LogEntry, letter_of, retry_of, seconds_of
from headrace.schemas.cloudevents import EventMetadata
from headrace.schemas.ids import asset_key, sequencer_order, token_stage
from headrace.schemas.records import (
    Asset,
    Event,
    JobFinished,
    JobStarted,
    MediaCompleted,
    MediaDeleted,
    MediaUploaded,
)
from headrace.streams.rules.record_predicate import record_predicate
from headrace.streams.stage import charges_of
from headrace.streams.stages import removals

AssetState = Literal["processing", "completed", "superseded", "deleted"]
VersionStatus = Literal["done", "running", "retrying", "dead-lettered"]

_hides_the_object = record_predicate(removals.STAGE.when)


@dataclass(frozen=True, slots=True)
class AssetEvent:
    """One thing that happened, however often it stands on the log. `at` is in seconds since 1970.

    `status` is what it says of its stage; None for what comes from outside and for the end of it all. `why` is the
    reason of a dead letter or of another try.
    """

    at: float
    place: str
    stage: str = ""
    status: VersionStatus | None = None
    envelope: EventMetadata | None = None
    event: Event | None = None
    letter: LetterInfo | None = None
    why: str = ""
    deliveries: int = 1

    @property
    def name(self) -> str:
        """What happened, in a word: the event's name, or what became of the record that carried it."""
        if self.letter:
            return "DeadLetter"
        if self.status == "retrying":
            return "Retry"
        return self.event.EVENT if self.event else "?"


@dataclass(frozen=True, slots=True)
class AssetVersion:
    """One version of one object, and all that happened to it, oldest first. `successor` is what took its place."""

    asset: Asset
    state: AssetState
    facts: tuple[AssetEvent, ...]
    successor: Asset | None = None

    @property
    def stages(self) -> dict[str, AssetEvent]:
        """What is known of each stage: its result, or else the last that happened to it."""
        found: dict[str, AssetEvent] = {}
        for fact in self.facts:
            if fact.status and (fact.status == "done" or not _is_done(found.get(fact.stage))):
                found[fact.stage] = fact
        return found

    @property
    def letters(self) -> tuple[LetterInfo, ...]:
        """Its dead letters, also those of stages that have had a result since."""
        return tuple(fact.letter for fact in self.facts if fact.letter)

    @property
    def usd(self) -> float:
        """What its paid calls cost, in US dollars."""
        results = (fact.event for fact in self.stages.values() if fact.status == "done" and fact.event)
        return round(sum(charge.usd for event in results for charge in charges_of(event)), 6)

    def moment_of(self, kind: type[MediaUploaded | MediaCompleted | MediaDeleted]) -> float | None:
        """When the first event of a kind happened; None when there is none."""
        return next((fact.at for fact in self.facts if fact.name == kind.EVENT), None)


@dataclass(slots=True)
class _VersionState:
    """What is known of one version; facts by what tells one from a repetition of it."""

    asset: Asset
    facts: dict[tuple[str, ...], AssetEvent]


class AssetProjection:
    """The fold. `take` every record, in any order across topics, as often as they come; then ask."""

    def __init__(self) -> None:
        self._pages: dict[str, dict[tuple[str, str], _VersionState]] = {}
        self._removed: dict[tuple[str, str], AssetEvent] = {}
        self._strays: dict[str, list[AssetEvent]] = {}
        self._jobs: dict[str, Asset] = {}
        self._early: dict[str, list[LogEntry]] = {}

    def take(self, entry: LogEntry) -> str | None:
        """Learn from one record. Gives the asset that it is about, `bucket/key`; None when that is not known (yet)."""
        event = entry.event
        if event is None:
            return self._stray(entry)
        if isinstance(event, JobStarted) and retry_of(entry):
            return None  # a job that is looked after waits there to be looked at again: nothing has happened to it
        if isinstance(event, JobFinished):
            asset = self._jobs.get(event.token)
            if asset is None:
                self._early.setdefault(event.token, []).append(entry)
                return None
        else:
            asset = getattr(event, "asset", None)
        if asset is None:
            return None
        self._add(asset, entry)
        if isinstance(event, JobStarted):
            self._jobs[event.token] = asset
            for waiting in self._early.pop(event.token, ()):
                self._add(asset, waiting)
        return asset_key(asset)

    def assets(self) -> list[str]:
        """Name every asset, `bucket/key`, the one that was first heard of first."""
        return list(self._pages)

    def find(self, name: str) -> list[str]:
        """Name the assets that someone can mean by `bucket/key`, `s3://bucket/key` or the key alone."""
        wanted = name.removeprefix("s3://")
        if wanted in self._pages or wanted in self._strays:
            return [wanted]
        return [asset for asset in self._pages if asset.partition("/")[2] == wanted]

    def versions(self, asset: str) -> list[AssetVersion]:
        """Tell of every version of an asset, the oldest first."""
        pages = [page for _, page in sorted(self._pages.get(asset, {}).items())]
        return [self._version(page, pages[number + 1 :]) for number, page in enumerate(pages)]

    def newest_versions(self, asset: str) -> AssetVersion | None:
        """Tell of the newest version of an asset."""
        return next(reversed(self.versions(asset)), None)

    def unreadable_letters(self, asset: str) -> list[AssetEvent]:
        """Give the dead letters under an asset's key that nobody could read, so that no version is known."""
        return list(self._strays.get(asset, ()))

    def _add(self, asset: Asset, entry: LogEntry) -> None:
        fact = _fact(entry)
        if isinstance(fact.event, MediaDeleted) and not _hides_the_object(fact.event):
            self._removed[asset_key(asset), asset.version] = fact
            return
        versions = self._pages.setdefault(asset_key(asset), {})
        page = versions.setdefault((sequencer_order(asset.sequencer), asset.version), _VersionState(asset, {}))
        identity = _identity(entry)
        known = page.facts.get(identity)
        if known is None:
            page.facts[identity] = fact
        else:
            kept = fact if fact.letter and fact.at >= known.at else known
            page.facts[identity] = replace(kept, deliveries=known.deliveries + 1)

    def _stray(self, entry: LogEntry) -> str | None:
        if letter_of(entry) is None:
            return None
        self._strays.setdefault(entry.key, []).append(_fact(entry))
        return entry.key

    def _version(self, page: _VersionState, later: list[_VersionState]) -> AssetVersion:
        facts = list(page.facts.values())
        removed = self._removed.get((asset_key(page.asset), page.asset.version))
        if removed is not None:
            facts.append(removed)
        order = sequencer_order(page.asset.sequencer)
        newer = [other for other in later if sequencer_order(other.asset.sequencer) > order]
        facts.sort(key=lambda fact: (fact.at, fact.place))
        successor = newer[0].asset if newer else None
        return AssetVersion(page.asset, _state(facts, newer), tuple(facts), successor)


def _state(facts: list[AssetEvent], newer: list[_VersionState]) -> AssetState:
    if _deleted(facts):
        return "deleted"
    if any(fact.name == MediaCompleted.EVENT for fact in facts):
        return "completed"
    if newer:
        return "deleted" if _deleted(list(newer[0].facts.values())) else "superseded"
    return "processing"


def _deleted(facts: list[AssetEvent]) -> bool:
    return any(fact.name == MediaDeleted.EVENT for fact in facts)


def _is_done(fact: AssetEvent | None) -> bool:
    return fact is not None and fact.status == "done"


def _fact(entry: LogEntry) -> AssetEvent:
    """Take a record for what it is: a dead letter, one that waits for another try, or an event."""
    letter, retry = letter_of(entry), retry_of(entry)
    fact = AssetEvent(entry.record.timestamp, entry.place, envelope=entry.envelope, event=entry.event)
    if letter:
        at = seconds_of(letter.last_failure) or fact.at
        why = f"{letter.code}: {letter.reason}"
        return replace(fact, at=at, stage=letter.stage, status="dead-lettered", letter=letter, why=why)
    if retry:
        return replace(fact, stage=retry.stage, status="retrying", why=f"{retry.code}: {retry.reason}")
    stage, status = _said(entry)
    at = (seconds_of(entry.envelope.time) if entry.envelope else None) or fact.at
    return replace(fact, at=at, stage=stage, status=status)


def _said(entry: LogEntry) -> tuple[str, VersionStatus | None]:
    """Say which stage an event comes from, and what it tells of it."""
    match entry.event:
        case None | MediaUploaded() | MediaDeleted():
            return "", None
        case JobFinished(token=token):
            return token_stage(token) or "", None
        case JobStarted(stage=stage):
            return stage, "running"
    source = entry.envelope.source if entry.envelope else ""
    return source.removeprefix("headrace/"), None if isinstance(entry.event, MediaCompleted) else "done"


def _identity(entry: LogEntry) -> tuple[str, ...]:
    """Tell one fact from another: the same event on the same topic is the same fact; every retry is one of its own."""
    id_ = entry.envelope.id if entry.envelope else entry.place
    if retry_of(entry):
        return (entry.record.topic, id_, entry.place)
    return (entry.record.topic, id_)
