"""Dead letters in numbers: by stage, code, class and hour, and in groups of alike reasons. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, datetime

from headrace.console.dlq.dispositions import Disposition, disposition_of
from headrace.console.dlq.letter import id_of, identity, stage_of
from headrace.console.dlq.sanitize import reason, text
from headrace.console.kafka.entry import seconds_of
from headrace.console.kafka.header_picker import HeaderPicker
from headrace.schemas.cloudevents import timestamp
from headrace.schemas.messages import ConsumerRecord

NEW = 24 * 3600.0
"""Seconds for which a kind of failure is new."""
REMEMBERED = 10_000
"""How many kinds are told apart in one partition, and how many reasons are remembered whose kind is known."""
OTHER = "(other reasons)"

_HOUR = len("2026-03-14T15")


@dataclass(frozen=True, slots=True)
class FailureKindKey:
    """What alike letters have in common; `name` is the exception's class."""

    stage: str
    code: str
    name: str
    normalized_reason: str


@dataclass(frozen=True, slots=True)
class LetterGroup:
    """Letters of one kind: how many, in which hours (UTC), when the first and the last failed, and the id of one."""

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
        """How many letters are open."""
        return sum(group.letters for group in self.groups)

    def by(self, field: str) -> dict[str, int]:
        """Count letters by a field of their kind, the most frequent first."""
        counts: Counter[str] = Counter()
        for group in self.groups:
            counts[getattr(group.kind, field)] += group.letters
        return dict(counts.most_common())

    def by_hour(self) -> dict[str, int]:
        """Count letters by the hour in which they failed last, such as `2026-03-14T15`, in UTC."""
        return _added(group.hours for group in self.groups)

    def is_new(self, group: LetterGroup, now: float) -> bool:
        """Whether a group's first letter is of the last 24 hours; `now` is in seconds since 1970."""
        return group.first >= timestamp(datetime.fromtimestamp(now - NEW, UTC))


def total(parts: Iterable[LetterStats]) -> LetterStats:
    """Add up what was counted in all partitions."""
    tallied = list(parts)
    kinds: dict[FailureKindKey, list[LetterGroup]] = {}
    for group in (group for part in tallied for group in part.groups):
        kinds.setdefault(group.kind, []).append(group)
    groups = sorted(map(_joined, kinds.values()), key=lambda group: (-group.letters, astuple(group.kind)))
    return LetterStats(tuple(groups), sum(part.records for part in tallied), sum(part.resolved for part in tallied))


class LetterCounter:
    """A look at one partition that counts its letters; one that came again counts as its last record says."""

    def __init__(self, known: Mapping[str, Disposition]) -> None:
        self._known = known
        self._headers = HeaderPicker("ce_id", "dlq-code", "dlq-class", "dlq-message", "dlq-last-failure")
        self._kinds: dict[FailureKindKey, dict[str, _HourBucket]] = {}
        self._cells: dict[tuple[bytes | None, ...], _HourBucket] = {}
        self._cell_of: dict[bytes, _HourBucket] = {}
        self._records = 0
        self._resolved = _HourBucket(b"")

    def take(self, records: list[ConsumerRecord]) -> None:
        """Count records. What a million letters take is spent here, so that all that can wait for the end does."""
        self._records += len(records)
        cells, cell_of, pick = self._cells, self._cell_of, self._headers.pick
        for record in records:
            (_, event), (_, code), (_, name), (_, said), (_, at) = pick(record.headers)
            failed = at or b""
            key = (code, name, same_digits(said or b""), failed[:_HOUR])
            cell = cells.get(key)
            if cell is None:
                cell = self._cell(key, record, failed)
                failed = failed if key in cells else b""  # or else it is no moment
            what = identity(record, event)
            if self._known and disposition_of(id_of(stage_of(record.topic), what), record, self._known):
                cell = self._resolved
            before = cell_of.get(what)
            if before is not None:
                before.letters -= 1
            cell_of[what] = cell
            cell.letters += 1
            cell.example = what
            if failed > cell.last:
                cell.last = failed
            elif failed and failed < cell.first:
                cell.first = failed

    def found(self) -> LetterStats:
        """Sum up."""
        groups = tuple(_group(kind, cells) for kind, cells in self._kinds.items())
        return LetterStats(tuple(group for group in groups if group.letters), self._records, self._resolved.letters)

    def _cell(self, key: tuple[bytes | None, ...], record: ConsumerRecord, failed: bytes) -> _HourBucket:
        """Find the cell of a letter; it is remembered under the key where that tells an hour."""
        code, name, said, hour = ((part or b"").decode(errors="replace") for part in key)
        if len(self._cells) >= REMEMBERED:
            self._cells.clear()
        known = seconds_of(f"{hour}:00Z") is not None
        if not known:
            hour = _hour_of(record)
            failed = f"{hour}:00:00.000Z".encode()
        kind = FailureKindKey(stage_of(record.topic), text(code) or "unknown", text(name), normalize_reason(said))
        if kind not in self._kinds and len(self._kinds) >= REMEMBERED:
            kind = FailureKindKey(kind.stage, kind.code, kind.name, OTHER)
        cell = self._kinds.setdefault(kind, {}).setdefault(hour, _HourBucket(failed))
        if known:
            self._cells[key] = cell
        return cell


class _HourBucket:
    """The letters of one kind that failed last in one hour; the first of them at `failed`."""

    __slots__ = ("example", "first", "last", "letters")

    def __init__(self, failed: bytes) -> None:
        self.letters = 0
        self.example = b""
        self.first = self.last = failed


def _hour_of(record: ConsumerRecord) -> str:
    """Say in which hour a record was written, for one that does not tell when it failed."""
    try:
        return timestamp(datetime.fromtimestamp(record.timestamp, UTC))[:_HOUR]
    except (ValueError, OverflowError, OSError):  # a clock that no calendar has a date for
        return "1970-01-01T00"


def _group(kind: FailureKindKey, cells: Mapping[str, _HourBucket]) -> LetterGroup:
    filled = {hour: cell for hour, cell in sorted(cells.items()) if cell.letters}
    newest = cells[max(filled or cells)]
    return LetterGroup(
        kind,
        sum(cell.letters for cell in filled.values()),
        min(cell.first for cell in (filled or cells).values()).decode(errors="replace"),
        newest.last.decode(errors="replace"),
        id_of(kind.stage, newest.example),
        {hour: cell.letters for hour, cell in filled.items()},
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


LONGEST = 200


_DIGITS = bytes.maketrans(b"123456789", b"000000000")


_FOLDS = (
    (re.compile(r"(?<!\w)(?:'[^']*'|\"[^\"]*\"|`[^`]*`)(?!\w)"), "<text>"),
    # An address; what begins at the root, has two slashes or ends in a file's name. `image/png` is none of these.
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


def normalize_reason(said: str) -> str:
    """Fold a reason: numbers, hexadecimal, quoted parts and paths become placeholders, and secrets are cut out."""
    said = reason(said)
    for pattern, instead in _FOLDS:
        said = pattern.sub(instead, said)
    return said if len(said) <= LONGEST else said[:LONGEST] + " ..."


def same_digits(said: bytes) -> bytes:
    """Write all digits alike, which is quick. What this makes the same, `alike` makes the same."""
    return said.translate(_DIGITS)
