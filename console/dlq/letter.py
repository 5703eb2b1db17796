"""Which dead letters are meant: a letter's stable id, and the filter that all commands over letters share. Pure.

A letter is what a stage has against one event. The stage may give the same event up again, after a replay or a
redelivery: that is another record of the same letter, and the newest one counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise, takewhile

from headrace.console.kafka.entry import LogEntry, seconds_of
from headrace.schemas import topics
from headrace.schemas.messages import ConsumerRecord

SHORT = 12
"""Hexadecimal digits of an id that people see: enough for a million letters of one stage."""

_SUFFIX = topics.dead_letters("").name


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which letters are meant. What is None is not asked for.

    `key` is a record key, or a glob over it or over what follows its bucket. `since` and `until` are moments of the
    last failure in seconds since 1970, both inclusive. `text` is part of the reason or of the exception's class, in any
    case. `limit` is for whoever reads: one letter cannot tell how many came before it.
    """

    stage: str | None = None
    code: str | None = None
    key: str | None = None
    since: float | None = None
    until: float | None = None
    text: str | None = None
    limit: int | None = None

    def matches(self, entry: LogEntry) -> bool:
        """Whether a record is one of the letters meant; only key and headers are looked at, never the value."""
        return self.meets(entry.record, dict(entry.record.headers))

    def meets(self, record: ConsumerRecord, headers: Mapping[str, bytes | None]) -> bool:
        """Do what `matches` does, for who has a record's headers at hand."""
        if not topics.is_dead_letters(record.topic) or self.stage not in (None, stage_of(record.topic)):
            return False
        return (
            (self.code is None or self.code == text_of(headers, "dlq-code", "unknown"))
            and (self.key is None or _is_like(record.key, self.key.removeprefix("s3://")))
            and (self.text is None or self.text.casefold() in _said(headers).casefold())
            and (self.since is None or failed_at(record, headers) >= self.since)
            and (self.until is None or failed_at(record, headers) <= self.until)
        )


def letter_id(record: ConsumerRecord) -> str:
    """Name a letter: the stage, and a digest of that and the event's id. The same on every delivery and replay."""
    return id_of(stage_of(record.topic), identity(record, dict(record.headers).get("ce_id")))


def id_of(stage: str, what: bytes) -> str:
    """Name a stage's letter by what tells it from the others."""
    return f"{stage}-{hashlib.sha256(stage.encode() + what).hexdigest()[:32]}"


def identity(record: ConsumerRecord, event: bytes | None) -> bytes:
    """Say what tells a letter from all others of its stage: its event's id, which is in the header `ce_id`.

    A record without one is known by what it came from: the message's id at AWS, or else the place (topic, partition,
    offset) where it was first read, or else its own place.
    """
    if event:
        return b" ce_id " + event
    found = {name: value for name, value in record.headers if value}
    for name in ("ce_id", "dlq-sqs-message", "dlq-sns-message"):
        if name in found:
            return f" {name} ".encode() + found[name]
    origin = [found[name] for name in ("dlq-topic", "dlq-partition", "dlq-offset") if name in found]
    if len(origin) < 3:
        origin = [f"{part}".encode() for part in (record.topic, record.partition, record.offset)]
    return b" record " + b"/".join(origin)


def short_ids(ids: Iterable[str]) -> dict[str, str]:
    """Shorten ids to what tells them apart: at least `SHORT` digits, and more where two share those."""
    ordered = sorted(set(ids))
    shared = [0, *(_shared(*pair) for pair in pairwise(ordered)), 0]
    return {
        id_: id_[: max(id_.rindex("-") + 1 + SHORT, 1 + max(shared[place], shared[place + 1]))]
        for place, id_ in enumerate(ordered)
    }


def may_hold(topic: str, prefix: str) -> bool:
    """Whether a dead-letter topic can hold letters whose id begins like this."""
    beginning = stage_of(topic) + "-"
    return beginning.startswith(prefix) or prefix.startswith(beginning)


def failed_at(record: ConsumerRecord, headers: Mapping[str, bytes | None]) -> float:
    """Say when a letter's stage last failed, in seconds since 1970; when it was written, where no header tells."""
    said = seconds_of(text_of(headers, "dlq-last-failure"))
    return record.timestamp if said is None else said


def stage_of(topic: str) -> str:
    """Name the stage whose dead-letter topic this is."""
    return topic.removesuffix(_SUFFIX)


def text_of(headers: Mapping[str, bytes | None], name: str, default: str = "") -> str:
    """Read one header as text."""
    value = headers.get(name)
    return default if value is None else value.decode(errors="replace")


def _said(headers: Mapping[str, bytes | None]) -> str:
    return f"{text_of(headers, 'dlq-class')}\n{text_of(headers, 'dlq-message')}"


def _is_like(bare: bytes | None, wanted: str) -> bool:
    key = (bare or b"").decode(errors="replace")
    rest = key.partition("/")[2]
    return wanted in (key, rest) or fnmatchcase(key, wanted) or (rest != "" and fnmatchcase(rest, wanted))


def _shared(one: str, other: str) -> int:
    """Count the characters with which both begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
