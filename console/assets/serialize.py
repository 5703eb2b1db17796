"""Assets as JSON data. Pure."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from headrace.console.assets.asset_event import AssetEvent
from headrace.console.assets.history import AssetHistory
from headrace.console.assets.projection import AssetVersion
from headrace.console.assets.timeline import TimelineStep, timeline
from headrace.console.terminal.formatting import format_timestamp
from headrace.schemas.records import MediaCompleted, MediaUploaded


def asset(name: str, history: AssetHistory) -> dict[str, Any]:
    """Convert an asset, with its versions oldest first."""
    return {
        "asset": name,
        "versions": [version(each) for each in history.versions(name)],
        "undecodable": [{**_letter(fact), "record": fact.place} for fact in history.unreadable_letters(name)],
    }


def version(of: AssetVersion) -> dict[str, Any]:
    """Convert a version."""
    return {
        "version": of.asset.version,
        "version_id": of.asset.version_id,
        "etag": of.asset.etag,
        "size": of.asset.size,
        "sequencer": of.asset.sequencer,
        "state": of.state,
        "superseded_by": of.successor.version if of.successor else None,
        "uploaded_at": format_timestamp(of.time_of(MediaUploaded)),
        "completed_at": format_timestamp(of.time_of(MediaCompleted)),
        "usd": of.usd,
        "stages": {name: stage(fact) for name, fact in of.stages.items()},
        "dead_letters": [_letter(fact) for fact in of.facts if fact.letter],
        "timeline": [_step(step) for step in timeline(of)],
    }


def stage(fact: AssetEvent) -> dict[str, Any]:
    """Convert the status of a stage."""
    return {"status": fact.status, "result": fact.summary, "location": fact.location}


def _letter(fact: AssetEvent) -> dict[str, Any]:
    return {**asdict(fact.letter), "record": fact.place} if fact.letter else {"record": fact.place}


def _step(step: TimelineStep) -> dict[str, Any]:
    return {**asdict(step), "at": format_timestamp(step.at), "seconds": step.seconds and round(step.seconds, 3)}
