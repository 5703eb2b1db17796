"""Fold dead letters, and the records of control topics. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from headrace.console.dlq import dispositions
from headrace.console.dlq.letter import failed_at, text_of
from headrace.console.dlq.similar_reasons import normalize_reason
from headrace.console.kafka.entry import LogEntry, letter_of, retry_of, seconds_of
from headrace.console.kafka.letter_id import letter_id, stage_of
from headrace.console.replay.audit import AuditEntry, ControlMessage
from headrace.console.views.batch import Batch
from headrace.console.views.person_facts import PersonFact
from headrace.console.views.rows import LetterRow
from headrace.console.views.stored_text import to_stored
from headrace.schemas import topics
from headrace.schemas.ids import asset_key
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.parsing import InvalidValueError, parse_struct
from headrace.streams.engine.losses import from_value
from headrace.streams.routing.rule import PREFIX
from headrace.streams.routing.rule_table import RuleChange
from headrace.streams.worker.status_reports import read as read_report

T = TypeVar("T")

LONGEST_ASSET = 1_300
"""Bytes of an asset that are indexed: a bucket, a slash and a key."""
LONGEST_NAME = 512


class InvalidRecordError(ValueError):
    """A record is not what its topic is for; the text says why."""


def fold_letter(batch: Batch, entry: LogEntry) -> None:
    """Fold a record of a dead letter."""
    record, headers = entry.record, dict(entry.record.headers)
    message = text_of(headers, "dlq-message")
    row = LetterRow(
        stage=to_stored(stage_of(record.topic)),
        code=to_stored(text_of(headers, "dlq-code", "unknown")),
        class_=to_stored(text_of(headers, "dlq-class")),
        reason=to_stored(message),
        kind=to_stored(normalize_reason(message)),
        asset=_asset_of(entry, text_of(headers, "dlq-asset")),
        failed_at=failed_at(record, headers),
        readable=entry.event is not None,
        resolved=False,
        records=1,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp=record.timestamp,
        key=record.key,
        headers=msgspec.msgpack.encode(record.headers),
    )
    batch.add_letter(letter_id(record), row)


def fold_delivery(batch: Batch, entry: LogEntry) -> None:
    """Fold a failed delivery of a rule: a retry or a dead letter of its stage."""
    record, letter, retry = entry.record, letter_of(entry), retry_of(entry)
    stage = record.topic.rpartition(".")[0]
    if not stage.startswith(PREFIX) or entry.envelope is None:
        return
    if letter:
        failure = ("dead-lettered", letter.code, letter.reason, seconds_of(letter.last_failure) or record.timestamp)
    elif retry:
        failure = ("retrying", retry.code, retry.reason, record.timestamp)
    else:
        return
    status, code, reason, at = failure
    key = (stage.removeprefix(PREFIX), bounded(entry.envelope.id))
    row = (status, to_stored(code), to_stored(reason), at, record.topic, record.partition, record.offset)
    known = batch.deliveries.get(key)
    batch.deliveries[key] = row if known is None else max(known, row, key=delivery_order)


def delivery_order(row: tuple[object, ...]) -> tuple[object, ...]:
    """Order the failures of one delivery: time, topic, partition, offset."""
    return row[3:]


def _fold_disposition(batch: Batch, record: ConsumerRecord) -> None:
    key = _key_of(record)
    if record.value is None:
        batch.dispositions[key] = None
        return
    known = dispositions.read([(record.key, record.value)])
    if not known:
        raise InvalidRecordError("it is no disposition of a dead letter")
    [disposition] = known.values()
    batch.dispositions[key] = (disposition.kind, to_stored(record.value.decode()), record.offset)


def _fold_worker(batch: Batch, record: ConsumerRecord) -> None:
    key = _key_of(record)
    if record.value is None:
        batch.workers[key] = None
        return
    report = read_report(record.value)
    if report is None:
        raise InvalidRecordError("it is no report of a worker")
    stage, worker = to_stored(report.stage), to_stored(report.worker)
    batch.workers[key] = (stage, worker, report.state, to_stored(record.value.decode()), record.offset)


def _fold_loss(batch: Batch, record: ConsumerRecord) -> None:
    key = _key_of(record)
    if record.value is None:
        batch.losses[key] = None
        return
    loss = from_value(record.value)
    if loss is None:
        raise InvalidRecordError("it is no loss of records")
    document = to_stored(record.value.decode())
    batch.losses[key] = (to_stored(loss.stage), bool(loss.acknowledged_at), document, record.offset)


def _fold_rule(batch: Batch, record: ConsumerRecord) -> None:
    key = _key_of(record)
    if record.value is None:
        batch.rules[key] = None
        return
    try:
        change = parse_struct(record.value, RuleChange)
    except InvalidValueError as error:
        raise InvalidRecordError(f"it is no change of a rule: {error}") from error
    if change.text is None:
        batch.rules[key] = None
    else:
        batch.rules[key] = (to_stored(change.text), to_stored(change.by), to_stored(change.at), record.offset)


def _fold_person(batch: Batch, record: ConsumerRecord) -> None:
    key = _key_of(record)
    if record.value is None:
        batch.people[key] = None
        return
    fact = _decoded(record.value, PersonFact)
    if fact is None or not fact.is_valid or fact.key.encode() != record.key:
        raise InvalidRecordError("it is no fact about a person")
    texts = (fact.kind, fact.face, fact.other, to_stored(fact.name), to_stored(fact.by), to_stored(fact.at))
    batch.people[key] = (*texts, record.offset)


def _fold_audit(batch: Batch, record: ConsumerRecord) -> None:
    value = record.value or b""
    found = _decoded(value, AuditEntry) or _decoded(value, ControlMessage)
    if found is None:
        raise InvalidRecordError("it is neither an audit entry nor a control message")
    replay = bounded(found.id if isinstance(found, AuditEntry) else found.replay)
    document = to_stored(value.decode())
    batch.audit[record.partition, record.offset] = (replay, seconds_of(found.at) or record.timestamp, document)
    if isinstance(found, AuditEntry):
        known = batch.replays.get(replay)
        first = min(known[4], record.offset) if known else record.offset
        batch.replays[replay] = (found.kind, found.state, to_stored(found.stage), document, first, record.offset)


def _decoded(value: bytes, kind: type[T]) -> T | None:
    try:
        return parse_struct(value, kind)
    except InvalidValueError:
        return None


FOLDS: dict[str, Callable[[Batch, ConsumerRecord], None]] = {
    topics.DISPOSITIONS.name: _fold_disposition,
    topics.WORKERS.name: _fold_worker,
    topics.RULES.name: _fold_rule,
    topics.LOSSES.name: _fold_loss,
    topics.AUDIT.name: _fold_audit,
    topics.PEOPLE_FACTS.name: _fold_person,
}
"""How to fold the records of each control topic. Each has one partition, so their order is known."""


def bounded(text: str) -> str:
    """Return the stored form of a name.

    Raises:
        InvalidRecordError: it is too long to be indexed.
    """
    if len(text) > LONGEST_NAME:
        raise InvalidRecordError(f"a name in it has more than {LONGEST_NAME} characters")
    return to_stored(text)


def _key_of(record: ConsumerRecord) -> str:
    try:
        return bounded((record.key or b"").decode())
    except UnicodeDecodeError:
        raise InvalidRecordError("its key is not UTF-8") from None


def _asset_of(entry: LogEntry, named: str) -> str | None:
    """Return the asset of a dead letter: of its event, as a header names it, or the key of its record."""
    asset = getattr(entry.event, "asset", None)
    name = named or (asset_key(asset) if asset is not None else entry.key)
    return to_stored(name) if 0 < len(name.encode()) <= LONGEST_ASSET else None
