"""One letter with all that is known of it: headers, the record that was given up, and what happened to its asset."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import msgspec

from headrace.console.assets.projection import AssetProjection
from headrace.console.assets.timeline import TimelineStep, timeline
from headrace.console.dlq.letter import stage_of
from headrace.console.dlq.listing import ListedLetter
from headrace.console.dlq.sanitize import header, mask_bytes, reason, sanitize_json, text
from headrace.console.dlq.serialize import letter, moment
from headrace.console.kafka.entry import LogEntry
from headrace.schemas import topics
from headrace.schemas.ids import asset_key
from headrace.schemas.records import JobFinished

DUMPED = 512
"""Bytes of a value that are shown where nobody can read it."""
_WIDTH = 16
_MARGIN = 4096
"""Bytes behind those shown that are looked at too, so that a secret is known that begins among them."""


def whole(found: ListedLetter, entry: LogEntry, times: int, steps: list[TimelineStep]) -> dict[str, Any]:
    """Tell everything about a letter; `entry` is its newest record, `times` how many records it has."""
    return {
        **letter(found),
        "records": times,
        "headers": [[text(name), header(name, value)] for name, value in entry.record.headers],
        "value": value(entry),
        "timeline": [_step(step) for step in steps],
        "redrive": redrive(found),
    }


def value(entry: LogEntry) -> dict[str, Any]:
    """Tell what the record says: an event, any other JSON, or bytes."""
    data = entry.record.value
    if data is None:
        return {"size": None, "kind": "tombstone"}
    size = {"size": len(data)}
    if entry.event is not None:
        return {**size, "kind": entry.event.EVENT, "record": sanitize_json(msgspec.to_builtins(entry.event))}
    try:
        return {**size, "kind": "json", "record": sanitize_json(json.loads(data))}
    except (ValueError, RecursionError):
        return {**size, "kind": "bytes", "hex": dump(data)}


def dump(data: bytes) -> list[str]:
    """Write the beginning of bytes as `xxd` does; secrets among them are covered with asterisks."""
    shown_bytes = mask_bytes(data[: DUMPED + _MARGIN])[:DUMPED]
    lines = []
    for at in range(0, len(shown_bytes), _WIDTH):
        row = shown_bytes[at : at + _WIDTH]
        plain = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        lines.append(f"{at:08x}  {row.hex(' '):{_WIDTH * 3 - 1}}  {plain}")
    return lines


def redrive(found: ListedLetter) -> str | None:
    """Write the command that would send a letter back to its stage; None for the bridge, which reads no topic."""
    if stage_of(found.record.topic) == stage_of(topics.BRIDGE_DLQ.name):
        return None
    return f"headrace replay redrive {found.id}"


def steps_of(entry: LogEntry, told: Callable[[str], AssetProjection]) -> list[TimelineStep]:
    """Give the timeline of the version that a letter is about; `told` tells of an asset, or of a job's token."""
    asset = _asset(entry, told)
    if asset is None:
        return []
    versions = told(asset).versions(asset)
    id_ = entry.envelope.id if entry.envelope else None
    about = [each for each in versions if id_ in {fact.envelope.id for fact in each.facts if fact.envelope}]
    return [_readable(step) for step in timeline((about or versions)[-1])] if versions else []


def _step(step: TimelineStep) -> dict[str, Any]:
    return {**asdict(step), "at": moment(step.at), "seconds": step.seconds and round(step.seconds, 3)}


def _asset(entry: LogEntry, told: Callable[[str], AssetProjection]) -> str | None:
    """Name the asset that a record is about; a job's end says only the token of the job."""
    if isinstance(entry.event, JobFinished):
        return told(entry.event.token).take(entry)
    asset = getattr(entry.event, "asset", None)
    if asset is not None:
        return asset_key(asset)
    is_stages = entry.record.topic != topics.BRIDGE_DLQ.name and "/" in entry.key
    return entry.key if is_stages else None


def _readable(step: TimelineStep) -> TimelineStep:
    said = reason(step.words) if step.event in ("DeadLetter", "Retry") else text(step.words)
    return replace(step, words=said, location=text(step.location) if step.location else None)
