"""Count dead letters by stage, code, class and hour, and group similar reasons. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from headrace.console.dlq.dispositions import Disposition, disposition_of
from headrace.console.dlq.similar_reasons import normalize_reason, same_digits
from headrace.console.kafka.entry import seconds_of
from headrace.console.kafka.header_picker import HeaderPicker
from headrace.console.kafka.letter_id import id_of, identity, stage_of
from headrace.schemas.cloudevents import timestamp
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.redaction import redact

NEW = 24 * 3600.0
"""Seconds for which a group of failures is new."""
REMEMBERED = 10_000
"""Maximum number of kinds per partition, and of cached reasons."""
OTHER = "(other reasons)"

_HOUR = len("2026-03-14T15")
_TIMESTAMP = re.compile(rb"[0-9-]{10}T[0-9]{2}:[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z")


@dataclass(frozen=True, slots=True)
class FailureKindKey:
    """The fields by which dead letters are grouped; `name` is the exception class."""

    stage: str
    code: str
    name: str
    normalized_reason: str


@dataclass(frozen=True, slots=True)
class LetterGroup:
    """Dead letters of one kind: number, number per hour (UTC), first and last failure, and one id as an example."""

    kind: FailureKindKey
    letters: int
    first: str
    last: str
    example: str
    hours: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LetterStats:
    """Open dead letters in groups, largest first, with the number of records read and of resolved letters."""

    groups: tuple[LetterGroup, ...] = ()
    records: int = 0
    resolved: int = 0

    @property
    def letters(self) -> int:
        """The number of open dead letters."""
        return sum(group.letters for group in self.groups)

    def by(self, field: str) -> dict[str, int]:
        """Count dead letters by a field of their kind, most frequent first."""
        counts: Counter[str] = Counter()
        for group in self.groups:
            counts[getattr(group.kind, field)] += group.letters
        return dict(counts.most_common())

    def by_hour(self) -> dict[str, int]:
        """Count dead letters by the hour (UTC) of their last failure, such as `2026-03-14T15`."""
        return _added(group.hours for group in self.groups)

    def is_new(self, group: LetterGroup, now: float) -> bool:
        """Whether the first failure of a group is less than 24 hours ago; `now` is in seconds since 1970."""
        return group.first >= timestamp(datetime.fromtimestamp(now - NEW, UTC))


def total(parts: Iterable[LetterStats]) -> LetterStats:
    """Add up the counts of all partitions."""
    tallied = list(parts)
    kinds: dict[FailureKindKey, list[LetterGroup]] = {}
    for group in (group for part in tallied for group in part.groups):
        kinds.setdefault(group.kind, []).append(group)
    groups = sorted(map(_joined, kinds.values()), key=lambda group: (-group.letters, astuple(group.kind)))
    return LetterStats(tuple(groups), sum(part.records for part in tallied), sum(part.resolved for part in tallied))


class LetterCounter:
    """Count the dead letters of one partition. The last record of each counts."""

    def __init__(self, known: Mapping[str, Disposition]) -> None:
        self._known = known
        self._headers = HeaderPicker("ce_id", "dlq-code", "dlq-class", "dlq-message", "dlq-last-failure")
        self._kinds: set[FailureKindKey] = set()
        self._cached: dict[tuple[bytes | None, ...], _KindAndHour] = {}
        self._open: dict[bytes, tuple[_KindAndHour, bytes]] = {}
        self._resolved: set[bytes] = set()
        self._records = 0

    def take(self, records: list[ConsumerRecord]) -> None:
        """Count records. This is the hot loop: all other work is done in `found`."""
        self._records += len(records)
        cached, open_, pick = self._cached, self._open, self._headers.pick
        is_timestamp = _TIMESTAMP.fullmatch
        for record in records:
            (_, event), (_, code), (_, name), (_, message), (_, at) = pick(record.headers)
            failed = at or b""
            if not is_timestamp(failed):
                failed = _timestamp(record, failed)
            key = (code, name, same_digits(message or b""), failed[:_HOUR])
            kind = cached.get(key)
            if kind is None:
                kind = self._kind(key, record)
                failed = failed if key in cached else _timestamp(record, failed)
            letter = identity(record, event)
            if self._known and disposition_of(id_of(stage_of(record.topic), letter), record, self._known):
                open_.pop(letter, None)
                self._resolved.add(letter)
            else:
                open_[letter] = kind, failed
                self._resolved.discard(letter)

    def found(self) -> LetterStats:
        """Build the statistics."""
        buckets: dict[_KindAndHour, _HourBucket] = {}
        for letter, (kind, failed) in self._open.items():
            bucket = buckets.get(kind)
            if bucket is None:
                bucket = buckets[kind] = _HourBucket(kind.kind.stage, failed, letter)
            bucket.add(letter, failed)
        kinds: dict[FailureKindKey, list[LetterGroup]] = {}
        for kind, bucket in buckets.items():
            kinds.setdefault(kind.kind, []).append(_group(kind, bucket))
        return LetterStats(tuple(map(_joined, kinds.values())), self._records, len(self._resolved))

    def _kind(self, key: tuple[bytes | None, ...], record: ConsumerRecord) -> _KindAndHour:
        """Find the kind of a dead letter, and cache it by the key if the key has a valid hour."""
        code, name, message, hour = ((part or b"").decode(errors="replace") for part in key)
        if len(self._cached) >= REMEMBERED:
            self._cached.clear()
        kind = FailureKindKey(
            stage_of(record.topic), redact(code) or "unknown", redact(name), normalize_reason(message)
        )
        if kind not in self._kinds and len(self._kinds) >= REMEMBERED:
            kind = FailureKindKey(kind.stage, kind.code, kind.name, OTHER)
        self._kinds.add(kind)
        if seconds_of(f"{hour}:00Z") is None:
            return _KindAndHour(kind, hour_of(record.timestamp))
        return self._cached.setdefault(key, _KindAndHour(kind, hour))


class _KindAndHour(NamedTuple):
    """A kind of dead letters, and the hour of their last failure."""

    kind: FailureKindKey
    hour: str


class _HourBucket:
    """The dead letters of one kind that last failed in one hour.

    The example is the last that failed; of several at that time, the one with the greatest id.
    """

    __slots__ = ("_stage", "example", "first", "last", "letters")

    def __init__(self, stage: str, failed: bytes, letter: bytes) -> None:
        self._stage = stage
        self.letters = 0
        self.first = self.last = failed
        self.example = letter

    def add(self, letter: bytes, failed: bytes) -> None:
        """Count a dead letter."""
        self.letters += 1
        if failed > self.last:
            self.last, self.example = failed, letter
        elif failed == self.last:
            self.example = max(self.example, letter, key=lambda each: id_of(self._stage, each))
        if failed < self.first:
            self.first = failed


def _timestamp(record: ConsumerRecord, failed: bytes) -> bytes:
    """Format the time of a failure like every other; without a valid one, the record's timestamp."""
    at = seconds_of(failed.decode(errors="replace"))
    return format_failure(record.timestamp if at is None else at).encode()


def format_failure(at: float) -> str:
    """Format seconds since 1970; a time that is out of range as 1970."""
    try:
        return timestamp(datetime.fromtimestamp(at, UTC))
    except (ValueError, OverflowError, OSError):  # out of range
        return "1970-01-01T00:00:00.000Z"


def hour_of(at: float) -> str:
    """Return the hour (UTC) of a time in seconds since 1970, such as `2026-03-14T15`."""
    return format_failure(at)[:_HOUR]


def _group(kind: _KindAndHour, bucket: _HourBucket) -> LetterGroup:
    first, last = (at.decode(errors="replace") for at in (bucket.first, bucket.last))
    example = id_of(kind.kind.stage, bucket.example)
    return LetterGroup(kind.kind, bucket.letters, first, last, example, {kind.hour: bucket.letters})


def _joined(groups: list[LetterGroup]) -> LetterGroup:
    newest = max(groups, key=lambda group: (group.last, group.example))
    return LetterGroup(
        newest.kind,
        sum(group.letters for group in groups),
        min(group.first for group in groups),
        newest.last,
        newest.example,
        _added(group.hours for group in groups),
    )


def _added(hours: Iterable[Mapping[str, int]]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for each in hours:
        counts.update(each)
    return dict(sorted(counts.items()))
