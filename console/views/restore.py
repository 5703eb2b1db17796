"""Restore what retention has removed from the log: stored results have the envelope of their event.

`headrace views rebuild --from-store` folds the log first. Then each version's stored objects are compared with the
views, and only objects whose event the views lack are read. A restored event has no deliveries, so that a record of it
on the log replaces it, in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import msgspec
import structlog
from sqlalchemy import Engine

from headrace.console.kafka.entry import LogEntry, seconds_of
from headrace.console.views.apply import apply
from headrace.console.views.batch import Batch, VersionKey
from headrace.console.views.fold import Fold, version_key
from headrace.console.views.missing_results import WantedObject, missing_objects
from headrace.console.views.rows import StageRow, VersionRow
from headrace.console.views.sql_store import SqlStore
from headrace.console.views.stored_results import ResultFolder, StoredObject, StoredResults
from headrace.console.views.stored_text import to_stored
from headrace.schemas import topics
from headrace.schemas.cloudevents import EventMetadata, timestamp, to_headers
from headrace.schemas.ids import sequencer_order
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.records import Asset, Event, MediaDeleted, MediaUploaded, StageFailure
from headrace.streams.result_paths import VersionPath
from headrace.streams.results import StoredResult
from headrace.streams.stages import removals

CHUNK = 200
"""Versions that are restored in one transaction."""
NO_POSITION = -1
"""Partition and offset of an event whose record has expired."""

log = structlog.get_logger("headrace")


@dataclass(slots=True)
class RestoredEvents:
    """What was restored: counts of versions looked at, events, failures of stages, and objects that are no event."""

    versions: int = 0
    events: int = 0
    failures: int = 0
    unreadable: int = 0


OnEnd = Callable[[RestoredEvents], None]


def restore(engine: Engine, stored: StoredResults, fold: Fold, now: float) -> RestoredEvents:
    """Add the stored events that the views lack. Call it once the log is folded.

    Raises:
        CommandError: the results bucket cannot be read.
    """
    restored = RestoredEvents()
    folders = stored.folders()
    while chunk := list(islice(folders, CHUNK)):
        named = [_named(folder, stored) for folder in chunk]
        with engine.connect().execution_options(reader=True) as connection:
            wanted = missing_objects(connection, named)
        batch = Batch()
        _Restoration(batch, fold, restored).add(wanted, stored)
        if batch.versions:
            with engine.begin() as writer:
                apply(batch, SqlStore(writer), {}, now)
        restored.versions += len(chunk)
    return restored


def restoring(stored: StoredResults, clock: Callable[[], float], on_end: OnEnd) -> Callable[[Engine, Fold], None]:
    """Return a function that restores events in new views, for `ViewsService.rebuild`."""
    return lambda engine, fold: on_end(restore(engine, stored, fold, clock()))


class _Restoration:
    """Adds the events of some versions to a batch."""

    def __init__(self, batch: Batch, fold: Fold, restored: RestoredEvents) -> None:
        self._batch = batch
        self._fold = fold
        self._restored = restored
        self._uploads: dict[VersionKey, tuple[float, Asset, str]] = {}

    def add(self, wanted: Sequence[WantedObject], stored: StoredResults) -> None:
        """Read some objects, and add their events."""
        for each, content in zip(wanted, stored.read([each.object.key for each in wanted]), strict=True):
            if content is None:
                continue  # deleted since it was listed
            try:
                self._add(each, content)
            except Exception as error:  # the object is at fault, whatever it raises: it is counted and shown
                self._restored.unreadable += 1
                reason = f"{type(error).__name__}: {error}"
                log.warning("stored_result_unreadable", key=each.object.key, reason=reason)
        for at, asset, id_ in self._uploads.values():
            self._add_event(_upload(asset, at), _metadata(MediaUploaded.EVENT, id_, at))

    def _add(self, wanted: WantedObject, content: bytes) -> None:
        each = wanted.object
        if each.kind == "failed":
            self._add_failure(wanted.folder, each, content)
            return
        stored = msgspec.json.decode(content, type=StoredResult)
        if each.stage == removals.STAGE.name and stored.event is None:
            deletion = _deletion(wanted.folder, each)
            self._add_event(deletion, _metadata(MediaDeleted.EVENT, stored.cause, each.modified))
        elif stored.event is not None:  # else the stage returned no event
            event = stored.record()
            if stored.envelope is None:
                raise ValueError("its event has no envelope")
            if wanted.event:
                self._add_event(event, stored.envelope)
            if wanted.upload:
                self._add_upload(event, stored.envelope)

    def _add_event(self, event: Event, envelope: EventMetadata) -> None:
        self._fold.restore(self._batch, _entry(event, envelope))
        self._restored.events += 1

    def _add_upload(self, event: Any, envelope: EventMetadata) -> None:
        """Remember the upload of a version: its id is known, and its time is about that of the first result."""
        at, key = seconds_of(envelope.time), version_key(event.asset)
        if at is not None and (key not in self._uploads or at < self._uploads[key][0]):
            self._uploads[key] = (at, event.asset, envelope.correlation)

    def _add_failure(self, folder: ResultFolder, each: StoredObject, content: bytes) -> None:
        """Add that a stage has a dead letter. Its record has expired: it can be neither shown nor sent again."""
        failure = msgspec.json.decode(content, type=StageFailure)
        key = version_key(_asset(folder))
        code, reason = to_stored(failure.code), to_stored(f"{failure.code}: {failure.reason}")
        topic = topics.dead_letters(each.stage).name
        self._batch.add_version(key, VersionRow("", None, "", 0, None, None, None, None))
        place = (topic, NO_POSITION, NO_POSITION)
        row = StageRow("dead-lettered", each.modified, "", "", reason, code, None, 0, None, None, *place)
        self._batch.add_stage(key, each.stage, row)
        self._restored.failures += 1


def _named(folder: ResultFolder, stored: StoredResults) -> ResultFolder:
    """Return a folder with the version that it is of. If a name in it is hashed, a stored event has the version."""
    if folder.path is not None:
        return folder
    for content in stored.read([each.key for each in folder.objects[:1]]):
        with suppress(msgspec.MsgspecError, KeyError):
            asset = getattr(msgspec.json.decode(content or b"", type=StoredResult).record(), "asset", None)
            if isinstance(asset, Asset):
                path = VersionPath(asset.bucket, asset.key, sequencer_order(asset.sequencer), asset.version)
                return replace(folder, path=path)
    return folder


def _asset(folder: ResultFolder) -> Asset:
    """Return the version that a folder names.

    Raises:
        ValueError: a name in it is hashed.
    """
    if folder.path is None:
        raise ValueError("its folder does not name the version: a name is too long")
    bucket, key, order, version = folder.path
    return Asset(bucket=bucket, key=key, version=version, etag="", size=0, sequencer=order.rstrip("0"))


def _upload(asset: Asset, at: float) -> MediaUploaded:
    return MediaUploaded(asset=asset, event_name="", uploaded_at=_datetime(at), region="", origin="notification")


def _deletion(folder: ResultFolder, each: StoredObject) -> MediaDeleted:
    at = _datetime(each.modified)
    return MediaDeleted(asset=_asset(folder), event_name="ObjectRemoved:Delete", deleted_at=at, region="")


def _metadata(name: str, id_: str, at: float) -> EventMetadata:
    return EventMetadata(id_, "aws", name, timestamp(_datetime(at)), correlation_id=id_)


def _entry(event: Event, envelope: EventMetadata) -> LogEntry:
    """Return an event as if it was on the log, at no position."""
    at = seconds_of(envelope.time) or 0.0
    topic, key = topics.topic_of(event).name, topics.key_of(event)
    record = ConsumerRecord(topic, NO_POSITION, NO_POSITION, at, key, None, to_headers(envelope))
    return LogEntry(record, envelope, event)


def _datetime(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
