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

from headrace.console.dlq.dispositions import Disposition, settled
from headrace.console.dlq.letter import Filter, id_of, identity, stage_of, text_of
from headrace.console.replay.forecast.effects import Effect
from headrace.console.replay.redrive.position import Note, Spot
from headrace.console.terminal.formatting import stamp
from headrace.schemas.messages import Received
from headrace.streams.engine.dlq import REDRIVEN
from headrace.streams.engine.headers import count_in

Verdict = Literal[
    "redrive", "redriven", "repeated", "resolved", "succeeded", "superseded", "capped", "hopeless", "other"
]

ANSWERED: frozenset[Verdict] = frozenset({"redriven", "repeated", "resolved", "succeeded", "superseded"})
"""With these nothing is left to do, so that the position may pass them."""

_JOB_FAILED = (
    "the service gave the job up, and the same token would only lead to that job again;"
    " store the object again (headrace put) to have a new version of it worked"
)
_UNREADABLE = (
    "nobody here can read it or knows its job, and the stage would not either; --no-look sends it all the same"
)


class Letter(msgspec.Struct, frozen=True, gc=False):
    """What a redrive needs to know of a dead letter. `born` orders records as they first came: time in ms, offset."""

    partition: int
    offset: int
    id: str
    key: str
    code: str
    replays: int
    born: tuple[int, int]
    verdict: Verdict

    @property
    def spot(self) -> Spot:
        """Where it lies in the dead-letter topic."""
        return self.partition, self.offset


@dataclass(frozen=True, slots=True)
class Rules:
    """Which letters are asked for: by filter, by the beginnings of ids where any are given, and redriven how often."""

    filter: Filter = field(default_factory=Filter)
    ids: tuple[str, ...] = ()
    max_replays: int = 3

    def mean(self, record: Received, headers: Mapping[str, bytes | None], id_: str) -> bool:
        """Whether a record is one of them."""
        return (not self.ids or id_.startswith(self.ids)) and self.filter.meets(record, headers)


@dataclass(frozen=True, slots=True)
class Past:
    """What became of letters so far: which went back already, and what was decided about which."""

    redriven: frozenset[Spot] = frozenset()
    decisions: Mapping[str, Disposition] = field(default_factory=dict)


def past_redrives(retries: Iterable[Received], notes: Mapping[int, Note]) -> frozenset[Spot]:
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


def sort(records: Iterable[Received], rules: Rules, past: Past) -> list[Letter]:
    """Judge every record of a dead-letter topic by what its headers say; the results are to be looked at next."""
    letters = [_judged(record, rules, past) for record in records]
    newest: dict[str, Spot] = {}
    for letter in letters:
        newest[letter.id] = max(newest.get(letter.id, letter.spot), letter.spot)
    return [letter if newest[letter.id] == letter.spot else _as(letter, "repeated") for letter in letters]


def after_a_look(letter: Letter, effect: Effect, notes: Mapping[int, Note]) -> Letter:
    """Judge a letter again by what the stage would do with its record now."""
    match effect.kind:
        case "stored" if letter.offset >= notes[letter.partition].again:
            return _as(letter, "succeeded")
        case "superseded":
            return _as(letter, "superseded")
        case "given-up":
            return _as(letter, "hopeless")
    return letter


def why_hopeless(code: str) -> str:
    """Say why letters with this code would only fail again, and what to do instead."""
    return _JOB_FAILED if code == "job_failed" else _UNREADABLE


def limited(letters: list[Letter], limit: int | None) -> list[Letter]:
    """Keep the oldest so many of those that go back."""
    kept = {letter.spot for letter in going(letters)[:limit]}
    late = (letter.verdict == "redrive" and letter.spot not in kept for letter in letters)
    return [_as(letter, "other") if is_late else letter for letter, is_late in zip(letters, late, strict=True)]


def going(letters: Iterable[Letter]) -> list[Letter]:
    """Give the letters that go back, the oldest first."""
    return sorted((letter for letter in letters if letter.verdict == "redrive"), key=lambda letter: letter.born)


def predecessors(letters: Iterable[Letter]) -> dict[Spot, Spot]:
    """Name the letter before each one, for those keys whose letters do not lie in the order in which they were born."""
    keys: dict[str, list[Letter]] = {}
    for letter in going(letters):
        keys.setdefault(letter.key, []).append(letter)
    found: dict[Spot, Spot] = {}
    for key, own in keys.items():
        spots = [letter.spot for letter in own]
        if key and (spots != sorted(spots) or spots[0][0] != spots[-1][0]):
            found.update(zip(spots[1:], spots, strict=False))
    return found


def in_turn(records: Iterable[Received], before: Mapping[Spot, Spot]) -> Iterator[Received]:
    """Give records as they come, but none before the one that goes before it."""
    if not before:
        yield from records
        return
    awaited = set(before.values())
    held: dict[Spot, Received] = {}
    for record in records:
        first = before.get((record.partition, record.offset))
        if first in awaited:
            held[first] = record
            continue
        ready: Received | None = record
        while ready is not None:
            yield ready
            spot = (ready.partition, ready.offset)
            awaited.discard(spot)
            ready = held.pop(spot, None)


def _judged(record: Received, rules: Rules, past: Past) -> Letter:
    headers = dict(record.headers)
    letter = Letter(
        record.partition,
        record.offset,
        id_of(stage_of(record.topic), identity(record, headers.get("ce_id"))),
        (record.key or b"").decode(errors="replace"),
        text_of(headers, "dlq-code", "unknown"),
        count_in(headers, "replay-count"),
        _born(record, headers),
        "redrive",
    )
    decision = settled(letter.id, record, past.decisions)
    if decision is not None and decision.kind != REDRIVEN:
        return _as(letter, "resolved")
    if letter.spot in past.redriven:
        return _as(letter, "redriven")
    if not rules.mean(record, headers, letter.id):
        return _as(letter, "other")
    if letter.code == "job_failed":
        return _as(letter, "hopeless")
    return letter if letter.replays < rules.max_replays else _as(letter, "capped")


def _born(record: Received, headers: Mapping[str, bytes | None]) -> tuple[int, int]:
    """Say when a record first came, as far as its headers tell."""
    at, offset = headers.get("dlq-timestamp") or b"", headers.get("dlq-offset") or b""
    if at.isdigit() and offset.isdigit():
        return int(at), int(offset)
    return int(record.timestamp * 1000), record.offset


def _as(letter: Letter, verdict: Verdict) -> Letter:
    return msgspec.structs.replace(letter, verdict=verdict)


def _spot(place: bytes) -> Spot | None:
    """Read `topic/partition/offset`."""
    parts = place.rsplit(b"/", 2)
    return (int(parts[1]), int(parts[2])) if len(parts) == 3 and parts[1].isdigit() and parts[2].isdigit() else None


def in_words(rules: Rules) -> str:
    """Say which letters were asked for."""
    asked = {name: value for name, value in asdict(rules.filter).items() if value is not None}
    times = {name: stamp(asked[name]) for name in ("since", "until") if name in asked}
    return ", ".join([*rules.ids, *(f"{name} {value}" for name, value in (asked | times).items())]) or "every letter"
