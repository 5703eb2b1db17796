"""A letter as people may see it, for a line and for `--json`: every text is free of secrets. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from headrace.console.dlq.dispositions import Disposition
from headrace.console.dlq.letter import failed_at, stage_of, text_of
from headrace.console.dlq.listing import LetterPage, ListedLetter
from headrace.console.dlq.sanitize import reason, text
from headrace.console.dlq.stats import LetterGroup, LetterStats
from headrace.console.kafka.entry import LogEntry
from headrace.schemas.cloudevents import timestamp

LONGEST = 18
"""Digits of a number that is taken for one."""


def page(found: LetterPage) -> dict[str, Any]:
    """Tell some letters, and how many more there are."""
    return {
        "letters": [letter(each) for each in found.letters],
        "more": found.more,
        "more_is_exact": found.exact,
        "resolved_hidden": found.hidden,
    }


def letter(found: ListedLetter) -> dict[str, Any]:
    """Tell a letter."""
    record = found.record
    headers = dict(record.headers)
    written = _number(headers, "dlq-timestamp")
    return {
        "id": found.id,
        "stage": stage_of(record.topic),
        "code": text(text_of(headers, "dlq-code", "unknown")),
        "class": text(text_of(headers, "dlq-class")),
        "key": text(LogEntry(record).key),
        "failed_at": moment(failed_at(record, headers)),
        "first_failure": text(text_of(headers, "dlq-first-failure")),
        "attempts": _number(headers, "dlq-attempts") or 0,
        "redriven": _number(headers, "replay-count") or 0,
        "reason": reason(text_of(headers, "dlq-message")),
        "origin": text(origin(headers)),
        "origin_at": None if written is None else moment(written / 1000),
        "record": LogEntry(record).place,
        "event": text(text_of(headers, "ce_id")),
        "disposition": disposition(found.disposition) if found.disposition else None,
    }


def disposition(found: Disposition) -> dict[str, str]:
    """Tell what was decided."""
    return {"status": found.kind, "why": text(found.why), "by": text(found.by), "at": text(found.at)}


def origin(headers: Mapping[str, bytes | None]) -> str:
    """Say where a letter's record first came from: a place on the log, or a message at AWS."""
    for source, message in (("dlq-queue", "dlq-sqs-message"), ("dlq-topic-arn", "dlq-sns-message")):
        if headers.get(source):
            return f"{text_of(headers, source)} message {text_of(headers, message)}"
    return "/".join(text_of(headers, f"dlq-{part}", "?") for part in ("topic", "partition", "offset"))


def stats(found: LetterStats, now: float) -> dict[str, Any]:
    """Tell letters in numbers."""
    return {
        "letters": found.letters,
        "resolved": found.resolved,
        "records": found.records,
        "by_stage": found.by("stage"),
        "by_code": found.by("code"),
        "by_class": found.by("name"),
        "by_hour": {f"{hour}:00Z": letters for hour, letters in found.by_hour().items()},
        "groups": [_group(group, found.is_new(group, now)) for group in found.groups],
    }


def moment(at: float) -> str | None:
    """Write seconds since 1970 as RFC 3339; None for what no calendar has."""
    try:
        return timestamp(datetime.fromtimestamp(at, UTC))
    except (ValueError, OverflowError, OSError):
        return None


def _number(headers: Mapping[str, bytes | None], name: str) -> int | None:
    said = headers.get(name) or b""
    return int(said) if said.isdigit() and len(said) <= LONGEST else None


def _group(group: LetterGroup, new: bool) -> dict[str, Any]:
    kind = group.kind
    return {
        "stage": kind.stage,
        "code": kind.code,
        "class": kind.name,
        "normalized_reason": kind.normalized_reason,
        "letters": group.letters,
        "first": text(group.first),
        "last": text(group.last),
        "new": new,
        "example": group.example,
    }
