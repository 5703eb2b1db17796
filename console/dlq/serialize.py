"""Dead letters as sanitized JSON data, for tables and `--json`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from headrace.console.dlq.dispositions import Disposition
from headrace.console.dlq.letter import failed_at, text_of
from headrace.console.dlq.listing import LetterPage, ListedLetter
from headrace.console.dlq.sanitize import reason
from headrace.console.dlq.stats import LetterGroup, LetterStats
from headrace.console.kafka.entry import LogEntry
from headrace.console.kafka.letter_id import stage_of
from headrace.schemas.cloudevents import timestamp
from headrace.schemas.parsing import InvalidValueError, parse_int
from headrace.schemas.redaction import redact


def page(listed: LetterPage) -> dict[str, Any]:
    """Convert a page of dead letters."""
    return {
        "letters": [letter(each) for each in listed.letters],
        "more": listed.more,
        "more_is_exact": listed.exact,
        "resolved_hidden": listed.hidden,
    }


def letter(listed: ListedLetter) -> dict[str, Any]:
    """Convert a dead letter."""
    record = listed.record
    headers = dict(record.headers)
    written = _number(headers, "dlq-timestamp")
    return {
        "id": listed.id,
        "stage": stage_of(record.topic),
        "code": redact(text_of(headers, "dlq-code", "unknown")),
        "class": redact(text_of(headers, "dlq-class")),
        "key": redact(LogEntry(record).key),
        "failed_at": format_timestamp(failed_at(record, headers)),
        "first_failure": redact(text_of(headers, "dlq-first-failure")),
        "attempts": _number(headers, "dlq-attempts") or 0,
        "redriven": _number(headers, "replay-count") or 0,
        "reason": reason(text_of(headers, "dlq-message")),
        "origin": redact(origin(headers)),
        "origin_at": None if written is None else format_timestamp(written / 1000),
        "record": LogEntry(record).place,
        "event": redact(text_of(headers, "ce_id")),
        "disposition": disposition(listed.disposition) if listed.disposition else None,
    }


def disposition(decision: Disposition) -> dict[str, str]:
    """Convert a disposition."""
    return {
        "status": decision.kind,
        "why": redact(decision.why),
        "by": redact(decision.by),
        "at": redact(decision.at),
    }


def origin(headers: Mapping[str, bytes | None]) -> str:
    """Name the origin of a dead letter: topic, partition and offset, or an AWS message."""
    for source, message in (("dlq-queue", "dlq-sqs-message"), ("dlq-topic-arn", "dlq-sns-message")):
        if headers.get(source):
            return f"{text_of(headers, source)} message {text_of(headers, message)}"
    return "/".join(text_of(headers, f"dlq-{part}", "?") for part in ("topic", "partition", "offset"))


def stats(counted: LetterStats, now: float) -> dict[str, Any]:
    """Convert the counts of dead letters."""
    return {
        "letters": counted.letters,
        "resolved": counted.resolved,
        "records": counted.records,
        "by_stage": counted.by("stage"),
        "by_code": counted.by("code"),
        "by_class": counted.by("name"),
        "by_hour": {f"{hour}:00Z": letters for hour, letters in counted.by_hour().items()},
        "groups": [_group(group, counted.is_new(group, now)) for group in counted.groups],
    }


def format_timestamp(at: float) -> str | None:
    """Format seconds since 1970 as RFC 3339; None if out of range."""
    try:
        return timestamp(datetime.fromtimestamp(at, UTC))
    except (ValueError, OverflowError, OSError):
        return None


def _number(headers: Mapping[str, bytes | None], name: str) -> int | None:
    try:
        return parse_int(headers.get(name))
    except InvalidValueError:
        return None


def _group(group: LetterGroup, new: bool) -> dict[str, Any]:
    kind = group.kind
    return {
        "stage": kind.stage,
        "code": kind.code,
        "class": kind.name,
        "normalized_reason": kind.normalized_reason,
        "letters": group.letters,
        "first": redact(group.first),
        "last": redact(group.last),
        "new": new,
        "example": group.example,
    }
