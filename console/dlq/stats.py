"""Count dead letters by stage, code, class and hour, and group similar reasons. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, datetime

from headrace.console.dlq.dispositions import Disposition, disposition_of
from headrace.console.dlq.sanitize import reason
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
        self._kinds: dict[FailureKindKey, dict[str, _HourBucket]] = {}
        self._buckets: dict[tuple[bytes | None, ...], _HourBucket] = {}
        self._bucket_of: dict[bytes, _HourBucket] = {}
        self._records = 0
        self._resolved = _HourBucket(b"")

    def take(self, records: list[ConsumerRecord]) -> None:
        """Count records. This is the hot loop: all other work is done in `found`."""
        self._records += len(records)
        buckets, bucket_of, pick = self._buckets, self._bucket_of, self._headers.pick
        for record in records:
            (_, event), (_, code), (_, name), (_, message), (_, at) = pick(record.headers)
            failed = at or b""
            key = (code, name, same_digits(message or b""), failed[:_HOUR])
            bucket = buckets.get(key)
            if bucket is None:
                bucket = self._bucket(key, record, failed)
                failed = failed if key in buckets else b""  # else it is no valid time
            what = identity(record, event)
            if self._known and disposition_of(id_of(stage_of(record.topic), what), record, self._known):
                bucket = self._resolved
            before = bucket_of.get(what)
            if before is not None:
                before.letters -= 1
            bucket_of[what] = bucket
            bucket.letters += 1
            bucket.example = what
            if failed > bucket.last:
                bucket.last = failed
            elif failed and failed < bucket.first:
                bucket.first = failed

    def found(self) -> LetterStats:
        """Build the statistics."""
        groups = tuple(_group(kind, buckets) for kind, buckets in self._kinds.items())
        return LetterStats(tuple(group for group in groups if group.letters), self._records, self._resolved.letters)

    def _bucket(self, key: tuple[bytes | None, ...], record: ConsumerRecord, failed: bytes) -> _HourBucket:
        """Find the bucket of a dead letter, and cache it by the key if the key has a valid hour."""
        code, name, message, hour = ((part or b"").decode(errors="replace") for part in key)
        if len(self._buckets) >= REMEMBERED:
            self._buckets.clear()
        known = seconds_of(f"{hour}:00Z") is not None
        if not known:
            hour = _hour_of(record)
            failed = f"{hour}:00:00.000Z".encode()
        kind = FailureKindKey(
            stage_of(record.topic), redact(code) or "unknown", redact(name), normalize_reason(message)
        )
        if kind not in self._kinds and len(self._kinds) >= REMEMBERED:
            kind = FailureKindKey(kind.stage, kind.code, kind.name, OTHER)
        bucket = self._kinds.setdefault(kind, {}).setdefault(hour, _HourBucket(failed))
        if known:
            self._buckets[key] = bucket
        return bucket


class _HourBucket:
    """The dead letters of one kind that last failed in one hour."""

    __slots__ = ("example", "first", "last", "letters")

    def __init__(self, failed: bytes) -> None:
        self.letters = 0
        self.example = b""
        self.first = self.last = failed


def _hour_of(record: ConsumerRecord) -> str:
    """Return the hour of a record's timestamp, for records without a time of failure."""
    try:
        return timestamp(datetime.fromtimestamp(record.timestamp, UTC))[:_HOUR]
    except (ValueError, OverflowError, OSError):  # out of range
        return "1970-01-01T00"


def _group(kind: FailureKindKey, buckets: Mapping[str, _HourBucket]) -> LetterGroup:
    filled = {hour: bucket for hour, bucket in sorted(buckets.items()) if bucket.letters}
    newest = buckets[max(filled or buckets)]
    return LetterGroup(
        kind,
        sum(bucket.letters for bucket in filled.values()),
        min(bucket.first for bucket in (filled or buckets).values()).decode(errors="replace"),
        newest.last.decode(errors="replace"),
        id_of(kind.stage, newest.example),
        {hour: bucket.letters for hour, bucket in filled.items()},
    )


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


MAX_REASON_CHARACTERS = 200


_DIGITS = bytes.maketrans(b"123456789", b"000000000")


_FOLDS = (
    (re.compile(r"(?<!\w)(?:'[^']*'|\"[^\"]*\"|`[^`]*`)(?!\w)"), "<text>"),
    # URLs, and paths that start at the root, have two slashes or end in a file name. `image/png` is no path.
    (re.compile(r"(?<![\w/])[\w+.-]+://\S+"), "<path>"),
    (
        re.compile(
            r"(?<![\w/.-])(?:[.~]{0,2}/)(?:[\w.@+%~-]+/?)+|(?<![\w/.-])[\w.@+%~-]+/(?:[\w.@+%~-]+/)+[\w.@+%~-]*"
        ),
        "<path>",
    ),
    (re.compile(r"(?<![\w/.-])[\w.@+%~-]+/[\w.@+%~-]+\.\w{1,5}\b"), "<path>"),
    (re.compile(r"(?i)\b(?:\dx[0-9a-f]{3,}|(?=[a-f-]*\d)[0-9a-f]{8,}(?:-[0-9a-f]{4,})*)\b"), "<hex>"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "<n>"),
)


def normalize_reason(message: str) -> str:
    """Replace numbers, hexadecimal, quoted parts, paths and secrets of a reason by placeholders."""
    message = reason(message)
    for pattern, instead in _FOLDS:
        message = pattern.sub(instead, message)
    return message if len(message) <= MAX_REASON_CHARACTERS else message[:MAX_REASON_CHARACTERS] + " ..."


def same_digits(message: bytes) -> bytes:
    """Replace all digits by 0. Fast; reasons equal after this are equal after `normalize_reason`."""
    return message.translate(_DIGITS)
