"""Fold records, in any order across topics, to the state of each asset version. Pure.

    processing    stages have not finished yet
    completed     every expected stage has finished or failed
    superseded    a newer version arrived first
    deleted       the object was removed, or this version of it

Delivery is at least once: an event may be on the log several times. Its id identifies it, and it counts once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from headrace.console.assets.asset_event import AssetEvent, Summaries, asset_event, usd_of
from headrace.console.kafka.entry import LetterInfo, LogEntry, is_retry, letter_of, retry_of
from headrace.console.kafka.letter_id import letter_id
from headrace.schemas.ids import asset_key, sequencer_order
from headrace.schemas.records import (
    Asset,
    JobFinished,
    JobStarted,
    MediaCompleted,
    MediaDeleted,
    MediaUploaded,
)

AssetState = Literal["processing", "completed", "superseded", "deleted"]


@dataclass(frozen=True, slots=True)
class AssetVersion:
    """One version of an object, with its events, oldest first. `successor` is the version that replaced it."""

    asset: Asset
    state: AssetState
    facts: tuple[AssetEvent, ...]
    successor: Asset | None = None

    @property
    def stages(self) -> dict[str, AssetEvent]:
        """The result of each stage, else its last event."""
        latest: dict[str, AssetEvent] = {}
        for fact in self.facts:
            if fact.status and (fact.status == "done" or not _is_done(latest.get(fact.stage))):
                latest[fact.stage] = fact
        return latest

    @property
    def letters(self) -> tuple[LetterInfo, ...]:
        """Its dead letters, including those of stages that succeeded later."""
        return tuple(fact.letter for fact in self.facts if fact.letter)

    @property
    def usd(self) -> float:
        """The cost of its paid calls in US dollars."""
        return usd_of(sum(fact.usd_nanos for fact in self.stages.values() if fact.status == "done"))

    def time_of(self, kind: type[MediaUploaded | MediaCompleted | MediaDeleted]) -> float | None:
        """The time of the first event of a kind; None if there is none."""
        return next((fact.at for fact in self.facts if fact.name == kind.EVENT), None)


@dataclass(slots=True)
class _VersionState:
    """The events of one version, by identity."""

    asset: Asset
    facts: dict[tuple[str, ...], AssetEvent]


class AssetProjection:
    """Folds records, in any order across topics, with duplicates. Call `take` for each, then query."""

    def __init__(self, summaries: Summaries | None = None) -> None:
        """`summaries` are those of stages that have one; all other events have the usual one."""
        self._summaries = summaries or {}
        self._versions: dict[str, dict[tuple[str, str], _VersionState]] = {}
        self._removed: dict[tuple[str, str], AssetEvent] = {}
        self._unreadable: dict[str, dict[str, AssetEvent]] = {}
        self._jobs: dict[str, Asset] = {}
        self._unmatched_completions: dict[str, list[LogEntry]] = {}

    def take(self, entry: LogEntry) -> str | None:
        """Add a record. Returns its asset, `bucket/key`; None if the asset is not known (yet)."""
        event = entry.event
        if event is None:
            return self._add_unreadable(entry)
        if isinstance(event, JobStarted) and retry_of(entry):
            return None  # the job is still running; the record waits for the next poll
        if isinstance(event, JobFinished):
            asset = self._jobs.get(event.token)
            if asset is None:
                self._unmatched_completions.setdefault(event.token, []).append(entry)
                return None
        else:
            asset = getattr(event, "asset", None)
        if asset is None:
            return None
        self._add(asset, entry)
        if isinstance(event, JobStarted):
            self._jobs[event.token] = asset
            for completion in self._unmatched_completions.pop(event.token, ()):
                self._add(asset, completion)
        return asset_key(asset)

    def assets(self) -> list[str]:
        """List the assets, `bucket/key`, in the order of their first record."""
        return list(self._versions)

    def find(self, name: str) -> list[str]:
        """List the assets that match `bucket/key`, `s3://bucket/key` or the key alone, in order."""
        wanted = name.removeprefix("s3://")
        if wanted in self._versions or wanted in self._unreadable:
            return [wanted]
        return sorted(asset for asset in self._versions if asset.partition("/")[2] == wanted)

    def asset_of_job(self, token: str) -> str | None:
        """Return the asset of a job, `bucket/key`; None if its start is not known."""
        asset = self._jobs.get(token)
        return asset_key(asset) if asset else None

    def versions(self, asset: str) -> list[AssetVersion]:
        """List the versions of an asset, oldest first."""
        states = [state for _, state in sorted(self._versions.get(asset, {}).items())]
        return [self._version(state, newer) for state, newer in zip(states, _successors(states), strict=True)]

    def newest_version(self, asset: str) -> AssetVersion | None:
        """Return the newest version of an asset."""
        versions = self._versions.get(asset)
        return self._version(versions[max(versions)], None) if versions else None

    def unreadable_letters(self, asset: str) -> list[AssetEvent]:
        """List the unparseable dead letters with an asset's key, oldest first; their version is not known."""
        return sorted(self._unreadable.get(asset, {}).values(), key=lambda fact: (fact.at, fact.place))

    def add(self, asset: Asset, identity: tuple[str, ...], fact: AssetEvent) -> None:
        """Add a fact of an asset version. Facts with one identity on one version are deliveries of one event."""
        if fact.of_version:
            self._removed[asset_key(asset), asset.version] = fact
            return
        versions = self._versions.setdefault(asset_key(asset), {})
        state = versions.setdefault((sequencer_order(asset.sequencer), asset.version), _VersionState(asset, {}))
        known = state.facts.get(identity)
        state.facts[identity] = fact if known is None else _merged(known, fact)

    def add_unreadable(self, key: str, letter: str, fact: AssetEvent) -> None:
        """Add an unparseable dead letter with the key of an asset. `letter` is its id."""
        letters = self._unreadable.setdefault(key, {})
        known = letters.get(letter)
        letters[letter] = fact if known is None else _merged(known, fact)

    def _add(self, asset: Asset, entry: LogEntry) -> None:
        self.add(asset, event_identity(entry), asset_event(entry, self._summaries))

    def _add_unreadable(self, entry: LogEntry) -> str | None:
        if letter_of(entry) is None:
            return None
        self.add_unreadable(entry.key, letter_id(entry.record), asset_event(entry, self._summaries))
        return entry.key

    def _version(self, state: _VersionState, newer: _VersionState | None) -> AssetVersion:
        facts = list(state.facts.values())
        removed = self._removed.get((asset_key(state.asset), state.asset.version))
        if removed is not None:
            facts.append(removed)
        facts.sort(key=lambda fact: (fact.at, fact.place))
        return AssetVersion(state.asset, _state(facts, newer), tuple(facts), newer.asset if newer else None)


def _successors(states: list[_VersionState]) -> list[_VersionState | None]:
    """Find the first version with a greater sequencer, for each of some versions in order."""
    successors: list[_VersionState | None] = []
    newer: _VersionState | None = None
    for state, following in zip(reversed(states), [None, *reversed(states)], strict=False):
        if following and _order(following) > _order(state):
            newer = following
        successors.append(newer)
    return successors[::-1]


def _order(state: _VersionState) -> str:
    return sequencer_order(state.asset.sequencer)


def _state(facts: Iterable[AssetEvent], newer: _VersionState | None) -> AssetState:
    if _deleted(facts):
        return "deleted"
    if any(fact.name == MediaCompleted.EVENT for fact in facts):
        return "completed"
    if newer:
        return "deleted" if _deleted(newer.facts.values()) else "superseded"
    return "processing"


def _deleted(facts: Iterable[AssetEvent]) -> bool:
    return any(fact.name == MediaDeleted.EVENT for fact in facts)


def _is_done(fact: AssetEvent | None) -> bool:
    return fact is not None and fact.status == "done"


def _merged(known: AssetEvent, fact: AssetEvent) -> AssetEvent:
    """Merge two deliveries of one event: the newest dead letter counts, else the first delivery."""
    kept = fact if fact.letter and fact.at >= known.at else known
    return replace(kept, deliveries=known.deliveries + fact.deliveries)


def event_identity(entry: LogEntry) -> tuple[str, ...]:
    """Identify an event: duplicates on one topic are equal; every retry is distinct."""
    topic = entry.record.topic
    id_ = entry.envelope.id if entry.envelope else entry.place
    return (topic, id_, entry.place) if is_retry(topic) else (topic, id_)
