"""The details of one dead letter: headers, original record, and the timeline of its asset."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import msgspec

from headrace.console.assets.history import AssetSource
from headrace.console.assets.timeline import TimelineStep, timeline
from headrace.console.dlq.listing import ListedLetter
from headrace.console.dlq.sanitize import header, mask_bytes, reason
from headrace.console.dlq.serialize import format_timestamp, letter
from headrace.console.kafka.entry import LogEntry
from headrace.console.kafka.letter_id import stage_of
from headrace.schemas import topics
from headrace.schemas.ids import asset_key
from headrace.schemas.parsing import InvalidValueError, parse_json
from headrace.schemas.records import JobFinished
from headrace.schemas.redaction import redact
from headrace.schemas.safe_text import redact_data

DUMPED = 512
"""Bytes of an unparseable value that are shown."""
_WIDTH = 16
_MARGIN = 4096
"""Bytes after those shown that are searched too: a secret may start among the bytes shown."""


def describe(listed: ListedLetter, entry: LogEntry, record_count: int, steps: list[TimelineStep]) -> dict[str, Any]:
    """Convert a dead letter with all its details. `entry` is the newest of its records."""
    return {
        **letter(listed),
        "records": record_count,
        "headers": [[redact(name), header(name, value)] for name, value in entry.record.headers],
        "value": value(entry),
        "timeline": [_step(step) for step in steps],
        "redrive": redrive_command(listed),
    }


def value(entry: LogEntry) -> dict[str, Any]:
    """Convert the value of a record: an event, other JSON, or bytes."""
    data = entry.record.value
    if data is None:
        return {"size": None, "kind": "tombstone"}
    size = {"size": len(data)}
    if entry.event is not None:
        return {**size, "kind": entry.event.EVENT, "record": redact_data(msgspec.to_builtins(entry.event))}
    try:
        return {**size, "kind": "json", "record": redact_data(parse_json(data))}
    except InvalidValueError:
        return {**size, "kind": "bytes", "hex": dump(data)}


def dump(data: bytes, longest: int = DUMPED) -> list[str]:
    """Format the first bytes as `xxd` does; secrets become asterisks."""
    shown_bytes = mask_bytes(data[: longest + _MARGIN])[:longest]
    lines = []
    for at in range(0, len(shown_bytes), _WIDTH):
        row = shown_bytes[at : at + _WIDTH]
        plain = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        lines.append(f"{at:08x}  {row.hex(' '):{_WIDTH * 3 - 1}}  {plain}")
    return lines


def redrive_command(listed: ListedLetter) -> str | None:
    """Return the command that redrives a dead letter; None for the bridge, which consumes no topic."""
    if stage_of(listed.record.topic) == stage_of(topics.BRIDGE_DLQ.name):
        return None
    return f"headrace replay redrive {listed.id}"


def steps_of(entry: LogEntry, assets: AssetSource) -> list[TimelineStep]:
    """Build the timeline of the asset version that failed."""
    asset = _asset(entry, assets)
    if asset is None:
        return []
    versions = assets.progress(asset).versions(asset)
    id_ = entry.envelope.id if entry.envelope else None
    about = [each for each in versions if id_ in {event.id for event in each.facts if event.id}]
    return [_readable(step) for step in timeline((about or versions)[-1])] if versions else []


def _step(step: TimelineStep) -> dict[str, Any]:
    return {**asdict(step), "at": format_timestamp(step.at), "seconds": step.seconds and round(step.seconds, 3)}


def _asset(entry: LogEntry, assets: AssetSource) -> str | None:
    """Name the asset of a record. A job completion has only the token of its job."""
    if isinstance(entry.event, JobFinished):
        return assets.asset_of_job(entry.event.token)
    asset = getattr(entry.event, "asset", None)
    if asset is not None:
        return asset_key(asset)
    is_stages = entry.record.topic != topics.BRIDGE_DLQ.name and "/" in entry.key
    return entry.key if is_stages else None


def _readable(step: TimelineStep) -> TimelineStep:
    summary = reason(step.words) if step.event in ("DeadLetter", "Retry") else redact(step.words)
    return replace(step, words=summary, location=redact(step.location) if step.location else None)
