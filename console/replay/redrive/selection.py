"""Select the dead letters of a stage to redrive, with a verdict for each. Pure.

    redrive         sent back to the stage
    redriven        already sent
    older_record    older record of the same dead letter: only the newest counts
    resolved        resolved by an operator
    succeeded       the stage has a result
    superseded      a newer version of the object exists
    redrive_limit   redriven `--max-replays` times
    not_retryable   would fail again
    not_selected    excluded by the filters

A redrive is idempotent: the records in the retry topic name the dead letters already sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

import msgspec

from headrace.console.dlq.dispositions import Disposition, disposition_of
from headrace.console.dlq.letter import LetterFilter, text_of
from headrace.console.kafka.letter_id import id_of, identity, stage_of
from headrace.console.replay.forecast.effects import RecordForecast
from headrace.console.replay.redrive.position import CommitMetadata, LetterOffset
from headrace.console.terminal.formatting import format_time
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.parsing import InvalidValueError, parse_int
from headrace.streams.engine.dlq import REDRIVEN
from headrace.streams.engine.headers import count_in, timestamp_ms

LetterVerdict = Literal[
    "redrive",
    "redriven",
    "older_record",
    "resolved",
    "succeeded",
    "superseded",
    "redrive_limit",
    "not_retryable",
    "not_selected",
]

RESOLVED: frozenset[LetterVerdict] = frozenset({"redriven", "older_record", "resolved", "succeeded", "superseded"})
"""Verdicts that need no further work: the committed position may pass them."""

_JOB_FAILED = (
    "the AWS job failed, and its token would return the same job. Upload the object again to process a new version:"
    " headrace put"
)
_UNREADABLE = "the record cannot be decoded, or its job is unknown. To send it anyway: --skip-store-check"


class CandidateLetter(msgspec.Struct, frozen=True, gc=False):
    """One dead letter. `born` orders records by first arrival: time in ms, then offset."""

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
        """Its partition and offset in the dead-letter topic."""
        return self.partition, self.offset


@dataclass(frozen=True, slots=True)
class SelectionCriteria:
    """The dead letters to redrive: a filter, id prefixes (empty for all ids), and the maximum number of redrives."""

    filter: LetterFilter = field(default_factory=LetterFilter)
    ids: tuple[str, ...] = ()
    max_replays: int = 3

    def matches(self, record: ConsumerRecord, headers: Mapping[str, bytes | None], id_: str) -> bool:
        """Whether a record is selected."""
        return (not self.ids or id_.startswith(self.ids)) and self.filter.matches_headers(record, headers)


@dataclass(frozen=True, slots=True)
class RedriveHistory:
    """The dead letters redriven so far, and the recorded dispositions."""

    redriven: frozenset[LetterOffset] = frozenset()
    decisions: Mapping[str, Disposition] = field(default_factory=dict)


def past_redrives(retries: Iterable[ConsumerRecord], notes: Mapping[int, CommitMetadata]) -> frozenset[LetterOffset]:
    """Return the dead letters that are in the retry topic, from the `since` offsets on."""
    spots = set()
    for record in retries:
        headers = dict(record.headers)
        if headers.get("retry-code") != REDRIVEN.encode():
            continue
        spot = _spot(headers.get("replay-of") or b"")
        if spot is not None and spot[0] in notes and record.offset >= notes[spot[0]].since.get(record.partition, 0):
            spots.add(spot)
    return frozenset(spots)


def classify(
    records: Iterable[ConsumerRecord], criteria: SelectionCriteria, past: RedriveHistory
) -> list[CandidateLetter]:
    """Classify every record of a dead-letter topic by its headers alone."""
    letters = [_classified(record, criteria, past) for record in records]
    newest: dict[str, LetterOffset] = {}
    for letter in letters:
        newest[letter.id] = max(newest.get(letter.id, letter.spot), letter.spot)
    return [letter if newest[letter.id] == letter.spot else _as(letter, "older_record") for letter in letters]


def reclassify(
    letter: CandidateLetter, forecast: RecordForecast, notes: Mapping[int, CommitMetadata]
) -> CandidateLetter:
    """Classify a dead letter by the forecast of what the stage would do with it."""
    match forecast.kind:
        case "stored" if letter.offset >= notes[letter.partition].redrive_again:
            return _as(letter, "succeeded")
        case "superseded":
            return _as(letter, "superseded")
        case "given-up":
            return _as(letter, "not_retryable")
    return letter


def why_not_retryable(code: str) -> str:
    """Explain why dead letters with this code would fail again, and what to do instead."""
    return _JOB_FAILED if code == "job_failed" else _UNREADABLE


def limited(letters: list[CandidateLetter], limit: int | None) -> list[CandidateLetter]:
    """Select only the oldest `limit` dead letters."""
    kept = {letter.spot for letter in selected(letters)[:limit]}
    late = (letter.verdict == "redrive" and letter.spot not in kept for letter in letters)
    return [_as(letter, "not_selected") if is_late else letter for letter, is_late in zip(letters, late, strict=True)]


def selected(letters: Iterable[CandidateLetter]) -> list[CandidateLetter]:
    """Return the dead letters to redrive, oldest first."""
    return sorted((letter for letter in letters if letter.verdict == "redrive"), key=lambda letter: letter.born)


def predecessors(letters: Iterable[CandidateLetter]) -> dict[LetterOffset, LetterOffset]:
    """Map each dead letter to its predecessor, for keys whose dead letters are out of order in the topic."""
    keys: dict[str, list[CandidateLetter]] = {}
    for letter in selected(letters):
        keys.setdefault(letter.key, []).append(letter)
    before: dict[LetterOffset, LetterOffset] = {}
    for key, own in keys.items():
        spots = [letter.spot for letter in own]
        if key and (spots != sorted(spots) or spots[0][0] != spots[-1][0]):
            before.update(zip(spots[1:], spots, strict=False))
    return before


def in_key_order(
    records: Iterable[ConsumerRecord], before: Mapping[LetterOffset, LetterOffset]
) -> Iterator[ConsumerRecord]:
    """Yield records in order, holding each back until its predecessor has been yielded."""
    if not before:
        yield from records
        return
    pending = set(before.values())
    blocked: dict[LetterOffset, ConsumerRecord] = {}
    for record in records:
        first = before.get((record.partition, record.offset))
        if first in pending:
            blocked[first] = record
            continue
        ready: ConsumerRecord | None = record
        while ready is not None:
            yield ready
            spot = (ready.partition, ready.offset)
            pending.discard(spot)
            ready = blocked.pop(spot, None)


def _classified(record: ConsumerRecord, criteria: SelectionCriteria, past: RedriveHistory) -> CandidateLetter:
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
    if not criteria.matches(record, headers, letter.id):
        return _as(letter, "not_selected")
    if letter.code == "job_failed":
        return _as(letter, "not_retryable")
    return letter if letter.replays < criteria.max_replays else _as(letter, "redrive_limit")


def _born(record: ConsumerRecord, headers: Mapping[str, bytes | None]) -> tuple[int, int]:
    """Return the first arrival of a record, from its headers."""
    try:
        return parse_int(headers.get("dlq-timestamp")), parse_int(headers.get("dlq-offset"))
    except InvalidValueError:
        return timestamp_ms(record.timestamp), record.offset


def _as(letter: CandidateLetter, verdict: LetterVerdict) -> CandidateLetter:
    return msgspec.structs.replace(letter, verdict=verdict)


def _spot(place: bytes) -> LetterOffset | None:
    """Parse `topic/partition/offset`."""
    parts = place.rsplit(b"/", 2)
    try:
        return (parse_int(parts[1]), parse_int(parts[2])) if len(parts) == 3 else None
    except InvalidValueError:
        return None


def describe_criteria(criteria: SelectionCriteria) -> str:
    """Describe the criteria in words."""
    options = {name: value for name, value in asdict(criteria.filter).items() if value is not None}
    times = {name: format_time(options[name]) for name in ("since", "until") if name in options}
    return (
        ", ".join([*criteria.ids, *(f"{name} {value}" for name, value in (options | times).items())])
        or "all dead letters"
    )
