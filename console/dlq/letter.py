"""The stable id of a dead letter, and the filter that all dead-letter commands share. Pure.

A dead letter is the failure of one event in one stage. If the event fails there again, after a replay or a redelivery,
the dead letter gets another record. The newest record counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise, takewhile

from headrace.console.kafka.entry import LogEntry, seconds_of
from headrace.console.kafka.letter_id import stage_of
from headrace.schemas import topics
from headrace.schemas.messages import ConsumerRecord

SHORT = 12
"""Hexadecimal digits of a short id: unique among a million dead letters of one stage."""


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Criteria for dead letters; None matches everything.

    `key` is a record key or an asset, or a glob over it or over the part after the bucket. `since` and `until` bound
    the time of the last failure in seconds since 1970, both inclusive. `text` is part of the reason or of the exception
    class, case-insensitive. `limit` is a maximum number for the reader; `matches` ignores it.
    """

    stage: str | None = None
    code: str | None = None
    key: str | None = None
    since: float | None = None
    until: float | None = None
    text: str | None = None
    limit: int | None = None

    def matches(self, entry: LogEntry) -> bool:
        """Whether a record matches. Reads only its key and headers."""
        return self.matches_headers(entry.record, dict(entry.record.headers))

    def matches_headers(self, record: ConsumerRecord, headers: Mapping[str, bytes | None]) -> bool:
        """Like `matches`, with the headers as a dictionary."""
        if not topics.is_dead_letters(record.topic) or self.stage not in (None, stage_of(record.topic)):
            return False
        return (
            (self.code is None or self.code == text_of(headers, "dlq-code", "unknown"))
            and (self.key is None or self._has_key(record, headers))
            and (self.text is None or self.text.casefold() in _searchable(headers).casefold())
            and (self.since is None or failed_at(record, headers) >= self.since)
            and (self.until is None or failed_at(record, headers) <= self.until)
        )

    def _has_key(self, record: ConsumerRecord, headers: Mapping[str, bytes | None]) -> bool:
        """Whether the record's key or its asset matches: the key of a job's record is the job token."""
        pattern = (self.key or "").removeprefix("s3://")
        return any(_is_like(key, pattern) for key in (record.key, headers.get("dlq-asset")) if key)


def short_ids(ids: Iterable[str]) -> dict[str, str]:
    """Shorten ids to unique prefixes of at least `SHORT` digits."""
    ordered = sorted(set(ids))
    shared = [0, *(_common_prefix(*pair) for pair in pairwise(ordered)), 0]
    return {
        id_: id_[: max(id_.rindex("-") + 1 + SHORT, 1 + max(shared[place], shared[place + 1]))]
        for place, id_ in enumerate(ordered)
    }


def may_hold(topic: str, prefix: str) -> bool:
    """Whether a dead-letter topic can have ids with this prefix."""
    beginning = stage_of(topic) + "-"
    return beginning.startswith(prefix) or prefix.startswith(beginning)


def failed_at(record: ConsumerRecord, headers: Mapping[str, bytes | None]) -> float:
    """Return the time of the last failure in seconds since 1970; without the header, the record's timestamp."""
    at = seconds_of(text_of(headers, "dlq-last-failure"))
    return record.timestamp if at is None else at


def text_of(headers: Mapping[str, bytes | None], name: str, default: str = "") -> str:
    """Read one header as text."""
    value = headers.get(name)
    return default if value is None else value.decode(errors="replace")


def _searchable(headers: Mapping[str, bytes | None]) -> str:
    return f"{text_of(headers, 'dlq-class')}\n{text_of(headers, 'dlq-message')}"


def _is_like(raw: bytes | None, pattern: str) -> bool:
    key = (raw or b"").decode(errors="replace")
    rest = key.partition("/")[2]
    return pattern in (key, rest) or fnmatchcase(key, pattern) or (rest != "" and fnmatchcase(rest, pattern))


def _common_prefix(one: str, other: str) -> int:
    """Count the characters of the common prefix."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
