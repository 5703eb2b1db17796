"""Fold records to the changes of a batch. Pure."""

from __future__ import annotations

import hashlib
from typing import Any

from headrace.console.assets.asset_event import AssetEvent, Summaries, asset_event
from headrace.console.assets.projection import event_identity
from headrace.console.kafka.entry import LogEntry, retry_of
from headrace.console.views import fold_operations
from headrace.console.views.batch import AssetKey, Batch, OffsetRow, VersionKey
from headrace.console.views.fold_operations import InvalidRecordError
from headrace.console.views.merges import text_order
from headrace.console.views.rows import JobRow, VersionRow, fact_row, stage_row
from headrace.console.views.stored_text import to_stored
from headrace.console.views.text_source import text_of
from headrace.schemas import topics
from headrace.schemas.ids import sequencer_order, token_stage
from headrace.schemas.records import (
    Asset,
    Event,
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
MAX_UNDECODABLE = 100
"""Unreadable records of a partition that are kept; all are counted."""


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
        self._fold_asset(batch, entry, entry.event, deliveries=0)

    def _fold(self, batch: Batch, entry: LogEntry) -> None:
        special = fold_operations.FOLDS.get(entry.record.topic)
        if special is not None:
            special(batch, entry.record)
            return
        letters = topics.is_dead_letters(entry.record.topic)
        if letters:
            fold_operations.fold_letter(batch, entry)
        event = entry.event
        if event is None:
            if not letters:
                raise InvalidRecordError("its value is no event of a known schema")
            return
        if letters or entry.record.topic.endswith(fold_operations.RETRY_TOPIC):
            fold_operations.fold_delivery(batch, entry)
        if isinstance(event, JobStarted) and retry_of(entry):
            return  # the job is still running; the record waits for the next poll
        if isinstance(event, JobFinished):
            self._fold_completion(batch, entry, event)
        elif hasattr(event, "asset"):
            self._fold_asset(batch, entry, event)

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

    def _fold_asset(self, batch: Batch, entry: LogEntry, event: Any, deliveries: int = 1) -> None:
        asset: Asset = event.asset
        key = version_key(asset)
        fact = asset_event(entry, self._summaries)
        _bounded(fact.id, "event id")
        _bounded(fact.stage, "stage")
        _bounded(fact.token, "job token")
        row = fact_row(fact, entry.record)._replace(deliveries=deliveries)
        identity = identity_hash(event_identity(entry))
        if fact.of_version:
            batch.add_removal(key.asset, key.version, identity, row)
            return
        batch.add_version(key, _version_row(asset, event, fact))
        batch.add_fact(key, identity, row)
        if fact.status:
            batch.add_stage(key, row.stage, stage_row(row))
        if isinstance(event, JobStarted) and fact.is_event:
            batch.add_job(row.token or "", _started(key, event))
        if fact.is_event:
            text = text_of(entry, fact)
            if text is not None:
                stage, variant, source = text
                known = batch.texts.get((key, stage, variant))
                batch.texts[key, stage, variant] = source if known is None else max(known, source, key=text_order)


def advance(batch: Batch, entry: LogEntry, end: int, reason: str) -> None:
    """Advance the offset of a partition behind a record, and count the record."""
    record = entry.record
    place = (record.topic, record.partition)
    known = batch.offsets.get(place) or OffsetRow(0, 0, None, 0, 0)
    if reason:
        batch.undecodable[(*place, record.offset)] = (record.key, to_stored(reason[:LONGEST_ID]))
    batch.offsets[place] = OffsetRow(
        record.offset + 1,
        max(end, record.offset + 1),
        record.timestamp,
        known.records + 1,
        known.undecodable + bool(reason),
    )


def version_key(asset: Asset) -> VersionKey:
    """Return the key of an asset version.

    Raises:
        InvalidRecordError: a name is longer than S3 allows.
    """
    bucket, key = asset.bucket, asset.key
    # A character has at most 4 bytes: most names need not be encoded.
    if 4 * (len(bucket) + len(key)) > LONGEST_BUCKET and (
        len(bucket.encode()) > LONGEST_BUCKET or len(key.encode()) > LONGEST_KEY
    ):
        raise InvalidRecordError("the bucket or key of its asset is longer than S3 allows")
    order = sequencer_order(asset.sequencer)
    version = _bounded(asset.version, "version")
    return VersionKey(AssetKey(to_stored(bucket), to_stored(key)), _bounded(order, "sequencer"), version)


def identity_hash(identity: tuple[str, ...]) -> int:
    """Hash the identity of an event to 64 bits: enough to tell the events of one version apart."""
    digest = hashlib.blake2b("\n".join(identity).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def _bounded(text: str, what: str) -> str:
    if len(text) > LONGEST_ID:
        raise InvalidRecordError(f"its {what} has more than {LONGEST_ID} characters")
    return to_stored(text)


def _version_row(asset: Asset, event: Event, fact: AssetEvent) -> VersionRow:
    own = fact.is_event
    return VersionRow(
        to_stored(asset.sequencer),
        to_stored(asset.version_id) if asset.version_id else None,
        to_stored(asset.etag),
        asset.size,
        event.kind if own and isinstance(event, MediaProbed | MediaReady) else None,
        fact.at if own and isinstance(event, MediaUploaded) else None,
        fact.at if own and isinstance(event, MediaCompleted) else None,
        fact.at if own and isinstance(event, MediaDeleted) else None,
    )


def _started(key: VersionKey, event: JobStarted) -> JobRow:
    job = (to_stored(event.stage), to_stored(event.service), to_stored(event.operation), to_stored(event.job_id))
    return JobRow(key, *job, event.started_at.timestamp(), event.deadline_at.timestamp(), None, None, None)
