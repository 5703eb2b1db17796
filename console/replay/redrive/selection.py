"""Which dead letters of a stage are redriven, and why the others are not. Pure.

    redrive      its record goes back to the stage
    redriven     it went back already
    repeated     an older record of the same letter: the newest one counts
    resolved     somebody has settled it
    succeeded    the stage has a result by now
    superseded   a newer version of the object is known
    capped       it has been redriven as often as it may be
    hopeless     the same would only happen again
    other        not asked for

A redrive may be repeated: what it has sent is known by the records in the retry topic, which say what they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

import msgspec

from headrace.console.dlq.dispositions import Disposition, disposition_of
from headrace.console.dlq.letter import LetterFilter, id_of, identity, stage_of, text_of
from headrace.console.replay.forecast.effects import RecordForecast
from headrace.console.replay.redrive.position import CommitMetadata, LetterOffset
from headrace.console.terminal.formatting import format_time
from headrace.schemas.messages import ConsumerRecord
from headrace.streams.engine.dlq import REDRIVEN
from headrace.streams.engine.headers import count_in

LetterVerdict = Literal[
    "redrive", "redriven", "repeated", "resolved", "succeeded", "superseded", "capped", "hopeless", "other"
]

ANSWERED: frozenset[LetterVerdict] = frozenset({"redriven", "repeated", "resolved", "succeeded", "superseded"})
"""With these nothing is left to do, so that the position may pass them."""

_JOB_FAILED = (
    "the service gave the job up, and the same token would only lead to that job again;"
    " store the object again (headrace put) to have a new version of it worked"
)
_UNREADABLE = (
    "nobody here can read it or knows its job, and the stage would not either; --no-look sends it all the same"
)


class CandidateLetter(msgspec.Struct, frozen=True, gc=False):
    """What a redrive needs to know of a dead letter. `born` orders records as they first came: time in ms, offset."""

    partition: int
    offset: int
    id: str
    key: str
    code: str
    replays: int
    born: tuple[int, int]
    verdict: LetterVerdict

    @property
    def spot(self) -> LetterOffset:
        """Where it lies in the dead-letter topic."""
        return self.partition, self.offset


@dataclass(frozen=True, slots=True)
class SelectionCriteria:
    """Which letters are asked for: by filter, by the beginnings of ids where any are given, and redriven how often."""

    filter: LetterFilter = field(default_factory=LetterFilter)
    ids: tuple[str, ...] = ()
    max_replays: int = 3

    def mean(self, record: ConsumerRecord, headers: Mapping[str, bytes | None], id_: str) -> bool:
        """Whether a record is one of them."""
        return (not self.ids or id_.startswith(self.ids)) and self.filter.meets(record, headers)


@dataclass(frozen=True, slots=True)
class RedriveHistory:
    """What became of letters so far: which went back already, and what was decided about which."""

    redriven: frozenset[LetterOffset] = frozenset()
    decisions: Mapping[str, Disposition] = field(default_factory=dict)


def past_redrives(retries: Iterable[ConsumerRecord], notes: Mapping[int, CommitMetadata]) -> frozenset[LetterOffset]:
    """Find the letters whose record a redrive put into the retry topic, as far as that still counts."""
    found = set()
    for record in retries:
        headers = dict(record.headers)
        if headers.get("retry-code") != REDRIVEN.encode():
            continue
        spot = _spot(headers.get("replay-of") or b"")
        if spot is not None and spot[0] in notes and record.offset >= notes[spot[0]].since.get(record.partition, 0):
            found.add(spot)
    return frozenset(found)


def classify(
    records: Iterable[ConsumerRecord], rules: SelectionCriteria, past: RedriveHistory
) -> list[CandidateLetter]:
    """Judge every record of a dead-letter topic by what its headers say; the results are to be looked at next."""
    letters = [_judged(record, rules, past) for record in records]
    newest: dict[str, LetterOffset] = {}
    for letter in letters:
        newest[letter.id] = max(newest.get(letter.id, letter.spot), letter.spot)
    return [letter if newest[letter.id] == letter.spot else _as(letter, "repeated") for letter in letters]


def reclassify(letter: CandidateLetter, effect: RecordForecast, notes: Mapping[int, CommitMetadata]) -> CandidateLetter:
    """Judge a letter again by what the stage would do with its record now."""
    match effect.kind:
        case "stored" if letter.offset >= notes[letter.partition].redrive_again:
            return _as(letter, "succeeded")
        case "superseded":
            return _as(letter, "superseded")
        case "given-up":
            return _as(letter, "hopeless")
    return letter


def why_not_retryable(code: str) -> str:
    """Say why letters with this code would only fail again, and what to do instead."""
    return _JOB_FAILED if code == "job_failed" else _UNREADABLE


def limited(letters: list[CandidateLetter], limit: int | None) -> list[CandidateLetter]:
    """Keep the oldest so many of those that go back."""
    kept = {letter.spot for letter in selected(letters)[:limit]}
    late = (letter.verdict == "redrive" and letter.spot not in kept for letter in letters)
    return [_as(letter, "other") if is_late else letter for letter, is_late in zip(letters, late, strict=True)]


def selected(letters: Iterable[CandidateLetter]) -> list[CandidateLetter]:
    """Give the letters that go back, the oldest first."""
    return sorted((letter for letter in letters if letter.verdict == "redrive"), key=lambda letter: letter.born)


def predecessors(letters: Iterable[CandidateLetter]) -> dict[LetterOffset, LetterOffset]:
    """Name the letter before each one, for those keys whose letters do not lie in the order in which they were born."""
    keys: dict[str, list[CandidateLetter]] = {}
    for letter in selected(letters):
        keys.setdefault(letter.key, []).append(letter)
    found: dict[LetterOffset, LetterOffset] = {}
    for key, own in keys.items():
        spots = [letter.spot for letter in own]
        if key and (spots != sorted(spots) or spots[0][0] != spots[-1][0]):
            found.update(zip(spots[1:], spots, strict=False))
    return found


def in_key_order(
    records: Iterable[ConsumerRecord], before: Mapping[LetterOffset, LetterOffset]
) -> Iterator[ConsumerRecord]:
    """Give records as they come, but none before the one that goes before it."""
    if not before:
        yield from records
        return
    awaited = set(before.values())
    held: dict[LetterOffset, ConsumerRecord] = {}
    for record in records:
        first = before.get((record.partition, record.offset))
        if first in awaited:
            held[first] = record
            continue
        ready: ConsumerRecord | None = record
        while ready is not None:
            yield ready
            spot = (ready.partition, ready.offset)
            awaited.discard(spot)
            ready = held.pop(spot, None)


def _judged(record: ConsumerRecord, rules: SelectionCriteria, past: RedriveHistory) -> CandidateLetter:
    headers = dict(record.headers)
    letter = CandidateLetter(
        record.partition,
        record.offset,
        id_of(stage_of(record.topic), identity(record, headers.get("ce_id"))),
        (record.key or b"").decode(errors="replace"),
        text_of(headers, "dlq-code", "unknown"),
        count_in(headers, "replay-count"),
        _born(record, headers),
        "redrive",
    )
    decision = disposition_of(letter.id, record, past.decisions)
    if decision is not None and decision.kind != REDRIVEN:
        return _as(letter, "resolved")
    if letter.spot in past.redriven:
        return _as(letter, "redriven")
    if not rules.mean(record, headers, letter.id):
        return _as(letter, "other")
    if letter.code == "job_failed":
        return _as(letter, "hopeless")
    return letter if letter.replays < rules.max_replays else _as(letter, "capped")


def _born(record: ConsumerRecord, headers: Mapping[str, bytes | None]) -> tuple[int, int]:
    """Say when a record first came, as far as its headers tell."""
    at, offset = headers.get("dlq-timestamp") or b"", headers.get("dlq-offset") or b""
    if at.isdigit() and offset.isdigit():
        return int(at), int(offset)
    return int(record.timestamp * 1000), record.offset


def _as(letter: CandidateLetter, verdict: LetterVerdict) -> CandidateLetter:
    return msgspec.structs.replace(letter, verdict=verdict)


def _spot(place: bytes) -> LetterOffset | None:
    """Read `topic/partition/offset`."""
    parts = place.rsplit(b"/", 2)
    return (int(parts[1]), int(parts[2])) if len(parts) == 3 and parts[1].isdigit() and parts[2].isdigit() else None


def describe_criteria(rules: SelectionCriteria) -> str:
    """Say which letters were asked for."""
    asked = {name: value for name, value in asdict(rules.filter).items() if value is not None}
    times = {name: format_time(asked[name]) for name in ("since", "until") if name in asked}
    return ", ".join([*rules.ids, *(f"{name} {value}" for name, value in (asked | times).items())]) or "every letter"
