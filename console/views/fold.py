"""Fold records to the changes of a batch. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from headrace.console.assets.asset_event import AssetEvent, Summaries, asset_event, plain_event
from headrace.console.assets.projection import event_identity
from headrace.console.kafka.entry import LogEntry, is_retry
from headrace.console.views import fold_operations
from headrace.console.views.batch import AssetKey, Batch, OffsetRow, VersionKey
from headrace.console.views.fold_executions import fold_execution
from headrace.console.views.fold_operations import InvalidRecordError
from headrace.console.views.identity import identity_hash
from headrace.console.views.merges import text_order
from headrace.console.views.rows import JobRow, VersionRow, fact_row, stage_row
from headrace.console.views.stored_text import to_stored
from headrace.console.views.text_source import text_of
from headrace.schemas import topics
from headrace.schemas.ids import sequencer_order, token_stage
from headrace.schemas.records import (
    Asset,
    Event,
    ExecutionAdvanced,
    JobFinished,
    JobStarted,
    MediaCompleted,
    MediaDeleted,
    MediaProbed,
    MediaReady,
    MediaUploaded,
)

LONGEST_BUCKET = 255
LONGEST_KEY = 1024
"""Limits in bytes of S3. PostgreSQL cannot index texts of more than 2,704 bytes."""
LONGEST_ID = 512
CACHED_VERSIONS = 8192
"""Versions whose key and row are kept: an asset has several events."""
MAX_UNDECODABLE = 100
"""Unreadable records of a partition that are kept; all are counted."""

_OF_VERSIONS = frozenset({MediaUploaded, MediaProbed, MediaReady, MediaCompleted, MediaDeleted})
"""Events that say more about a version than its asset."""


class Fold:
    """Folds records into a batch. It has no state but the batch."""

    def __init__(self, summaries: Summaries) -> None:
        """`summaries` are those of stages that have one, by name."""
        self._summaries = summaries

    def add(self, batch: Batch, entry: LogEntry, end: int = 0) -> str:
        """Add a record to a batch; `end` is the end of its partition. Returns why it is unreadable, or nothing.

        Whatever the record contains, the batch stays usable: an unreadable record is counted.
        """
        reason = ""
        try:
            self._fold(batch, entry)
        except Exception as error:  # the record is at fault, whatever it raises: it is counted and shown
            reason = str(error) if isinstance(error, InvalidRecordError) else f"{type(error).__name__}: {error}"
        advance(batch, entry, end, reason)
        return reason

    def restore(self, batch: Batch, entry: LogEntry) -> None:
        """Add a stored event of an asset whose record has expired: it has no deliveries.

        Raises:
            InvalidRecordError: a name in it is too long.
        """
        fact = replace(asset_event(entry, self._summaries), deliveries=0)
        self._add_asset(batch, entry, entry.event, fact)

    def _fold(self, batch: Batch, entry: LogEntry) -> None:
        topic = entry.record.topic
        special = fold_operations.FOLDS.get(topic)
        if special is not None:
            special(batch, entry.record)
            return
        letters, retries = topics.is_dead_letters(topic), is_retry(topic)
        if letters:
            fold_operations.fold_letter(batch, entry)
        event: Any = entry.event
        if event is None:
            if not letters:
                raise InvalidRecordError("its value is no event of a known schema")
            return
        if letters or retries:
            fold_operations.fold_delivery(batch, entry)
        self._fold_event(batch, entry, event, letters, retries)

    def _fold_event(self, batch: Batch, entry: LogEntry, event: Any, letters: bool, retries: bool) -> None:
        kind = type(event)
        if kind is JobStarted and retries:
            return  # the job is still running; the record waits for the next poll
        if kind is JobFinished:
            self._fold_completion(batch, entry, event)
        elif kind is ExecutionAdvanced:
            fold_execution(batch, event)
        elif hasattr(event, "asset"):
            fact = asset_event(entry, self._summaries) if letters or retries else plain_event(entry, self._summaries)
            self._add_asset(batch, entry, event, fact)

    def _fold_completion(self, batch: Batch, entry: LogEntry, event: JobFinished) -> None:
        token, fact = _bounded(event.token, "job token"), asset_event(entry, self._summaries)
        batch.add_completion(token, identity_hash(event_identity(entry)), fact_row(fact, entry.record))
        stage = token_stage(event.token) or ""
        job = (to_stored(event.service), to_stored(event.operation), to_stored(event.job_id))
        if fact.is_event:
            ended = (event.finished_at.timestamp(), event.status, event.message and to_stored(event.message))
            batch.add_job(token, JobRow(None, stage, *job, None, None, *ended))
        else:
            batch.add_job(token, JobRow(None, stage, *job, None, None, None, None, None))

    def _add_asset(self, batch: Batch, entry: LogEntry, event: Any, fact: AssetEvent) -> None:
        key, version = _version_of(event.asset)
        _check_lengths(fact)
        row, identity = fact_row(fact, entry.record), identity_hash(event_identity(entry))
        if fact.of_version:
            batch.add_removal(key.asset, key.version, identity, row)
            return
        own = fact.is_event
        batch.add_version(key, _with_event(version, event, fact) if own and type(event) in _OF_VERSIONS else version)
        batch.add_fact(key, identity, row)
        if fact.status:
            batch.add_stage(key, row.stage, stage_row(row))
        if not own:
            return
        if type(event) is JobStarted:
            batch.add_job(row.token or "", _started(key, event))
        text = text_of(entry, fact)
        if text is not None:
            stage, variant, source = text
            known = batch.texts.get((key, stage, variant))
            batch.texts[key, stage, variant] = source if known is None else max(known, source, key=text_order)


def advance(batch: Batch, entry: LogEntry, end: int, reason: str) -> None:
    """Advance the offset of a partition behind a record, and count the record."""
    record = entry.record
    place, following = (record.topic, record.partition), record.offset + 1
    known = batch.offsets.get(place)
    records, unreadable = (known.records, known.undecodable) if known else (0, 0)
    if reason:
        batch.undecodable[(*place, record.offset)] = (record.key, to_stored(reason[:LONGEST_ID]))
        unreadable += 1
    end = max(following, end)
    batch.offsets[place] = OffsetRow(following, end, record.timestamp, records + 1, unreadable)


def version_key(asset: Asset) -> VersionKey:
    """Return the key of an asset version.

    Raises:
        InvalidRecordError: a name is longer than S3 allows.
    """
    return _version_of(asset)[0]


@lru_cache(CACHED_VERSIONS)
def _version_of(asset: Asset) -> tuple[VersionKey, VersionRow]:
    """Return the key of a version, and what every event says about it."""
    bucket, key = asset.bucket, asset.key
    # A character has at most 4 bytes: most names need not be encoded.
    if 4 * (len(bucket) + len(key)) > LONGEST_BUCKET and (
        len(bucket.encode()) > LONGEST_BUCKET or len(key.encode()) > LONGEST_KEY
    ):
        raise InvalidRecordError("the bucket or key of its asset is longer than S3 allows")
    order = _bounded(sequencer_order(asset.sequencer), "sequencer")
    of = VersionKey(AssetKey(to_stored(bucket), to_stored(key)), order, _bounded(asset.version, "version"))
    version_id = to_stored(asset.version_id) if asset.version_id else None
    row = (to_stored(asset.sequencer), version_id, to_stored(asset.etag), asset.size)
    return of, VersionRow(*row, None, None, None, None)


def _bounded(text: str, what: str) -> str:
    if len(text) > LONGEST_ID:
        raise InvalidRecordError(f"its {what} has more than {LONGEST_ID} characters")
    return to_stored(text)


def _check_lengths(fact: AssetEvent) -> None:
    if len(fact.id) + len(fact.stage) + len(fact.token) <= LONGEST_ID:
        return
    for text, what in ((fact.id, "event id"), (fact.stage, "stage"), (fact.token, "job token")):
        if len(text) > LONGEST_ID:
            raise InvalidRecordError(f"its {what} has more than {LONGEST_ID} characters")


def _with_event(version: VersionRow, event: Event, fact: AssetEvent) -> VersionRow:
    """Add what an event of `_OF_VERSIONS` says about its version."""
    if isinstance(event, MediaProbed | MediaReady):
        return version._replace(kind=event.kind)
    if isinstance(event, MediaUploaded):
        return version._replace(uploaded_at=fact.at)
    return (
        version._replace(completed_at=fact.at)
        if isinstance(event, MediaCompleted)
        else version._replace(deleted_at=fact.at)
    )


def _started(key: VersionKey, event: JobStarted) -> JobRow:
    job = (to_stored(event.stage), to_stored(event.service), to_stored(event.operation), to_stored(event.job_id))
    return JobRow(key, *job, event.started_at.timestamp(), event.deadline_at.timestamp(), None, None, None)
