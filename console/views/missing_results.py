"""Find the stored objects whose events the views lack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, select, tuple_

from headrace.console.views.batch import AssetKey, VersionKey
from headrace.console.views.stored_results import ResultFolder, StoredObject
from headrace.console.views.stored_text import to_stored
from headrace.console.views.tables import assets, stage_states, timeline, versions
from headrace.schemas.records import JobStarted, MediaCompleted, MediaDeleted, MediaUploaded
from headrace.streams.result_paths import VersionPath
from headrace.streams.stages import removals


@dataclass(slots=True)
class KnownVersion:
    """What the views know about a version: events by stage and name, results, and stages that ended."""

    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    results: Counter[str] = field(default_factory=Counter)
    ended: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class WantedObject:
    """An object to read: for its event, for the upload that it names, or both."""

    folder: ResultFolder
    object: StoredObject
    event: bool
    upload: bool


def missing_objects(connection: Connection, folders: Sequence[ResultFolder]) -> list[WantedObject]:
    """Return the objects whose event, or whose upload, the views lack."""
    known = _known(connection, [_key(folder.path) for folder in folders if folder.path is not None])
    found = []
    for folder in folders:
        own = known.get(_key(folder.path)) if folder.path else None
        own = own or KnownVersion()
        counts = Counter((each.stage, each.kind) for each in folder.objects)
        for each in folder.objects:
            event = _lacks(each, own, counts)
            follows = each.kind == "result" and each.stage != removals.STAGE.name
            upload = follows and not own.events["", MediaUploaded.EVENT]
            if event or upload:
                found.append(WantedObject(folder, each, event, upload))
    return found


def _lacks(each: StoredObject, own: KnownVersion, counts: Mapping[tuple[str, str], int]) -> bool:
    """Whether the views lack the event of an object. `counts` are those of the version's objects."""
    if each.kind == "failed":
        return not counts.get((each.stage, "result")) and each.stage not in own.ended
    if each.stage == removals.STAGE.name:
        return not own.events["", MediaDeleted.EVENT]
    known = own.events[each.stage, JobStarted.EVENT] if each.kind == "started" else own.results[each.stage]
    return counts[each.stage, each.kind] > known


def _known(connection: Connection, keys: Sequence[VersionKey]) -> dict[VersionKey, KnownVersion]:
    """Return what the views know about some versions."""
    names = {(key.asset.bucket, key.asset.key) for key in keys}
    found = select(versions.c.id, assets.c.bucket, assets.c.key, versions.c.sequencer_order, versions.c.version)
    found = found.join(assets, assets.c.id == versions.c.asset_id)
    rows = connection.execute(found.where(tuple_(assets.c.bucket, assets.c.key).in_(names)))
    numbers = {row[0]: VersionKey(AssetKey(*row[1:3]), *row[3:]) for row in rows}
    known = {number: KnownVersion() for number in numbers}
    events = select(timeline.c.version_id, timeline.c.stage, timeline.c.event, timeline.c.status)
    for number, stage, event, status in connection.execute(events.where(timeline.c.version_id.in_(numbers))):
        known[number].events[stage, event] += 1
        known[number].results[stage] += status == "done" or event == MediaCompleted.EVENT
    ended = select(stage_states.c.version_id, stage_states.c.stage)
    ended = ended.where(stage_states.c.status.in_(("done", "dead-lettered")))
    for number, stage in connection.execute(ended.where(stage_states.c.version_id.in_(numbers))):
        known[number].ended.add(stage)
    return {numbers[number]: own for number, own in known.items()}


def _key(path: VersionPath) -> VersionKey:
    return VersionKey(
        AssetKey(to_stored(path.bucket), to_stored(path.key)), to_stored(path.order), to_stored(path.version)
    )
