"""An asset's state as plain data for `--json`. Pure."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from headrace.console.assets.projection import Fact, Progress, Version
from headrace.console.assets.summaries import location, words
from headrace.console.assets.timeline import Step, timeline
from headrace.console.terminal.formatting import moment
from headrace.schemas.records import MediaCompleted, MediaUploaded


def asset(name: str, progress: Progress) -> dict[str, Any]:
    """Tell everything about an asset, its versions oldest first."""
    return {
        "asset": name,
        "versions": [version(each) for each in progress.versions(name)],
        "undecodable": [{**_letter(fact), "record": fact.place} for fact in progress.strays(name)],
    }


def version(of: Version) -> dict[str, Any]:
    """Tell everything about one version."""
    return {
        "version": of.asset.version,
        "version_id": of.asset.version_id,
        "etag": of.asset.etag,
        "size": of.asset.size,
        "sequencer": of.asset.sequencer,
        "state": of.state,
        "superseded_by": of.successor.version if of.successor else None,
        "uploaded_at": moment(of.moment_of(MediaUploaded)),
        "completed_at": moment(of.moment_of(MediaCompleted)),
        "usd": of.usd,
        "stages": {name: stage(fact) for name, fact in of.stages.items()},
        "dead_letters": [_letter(fact) for fact in of.facts if fact.letter],
        "timeline": [_step(step) for step in timeline(of)],
    }


def stage(fact: Fact) -> dict[str, Any]:
    """Tell what is known of one stage."""
    found = None if fact.why else fact.event
    return {"status": fact.status, "result": fact.why or words(found), "location": location(found)}


def _letter(fact: Fact) -> dict[str, Any]:
    return {**asdict(fact.letter), "record": fact.place} if fact.letter else {"record": fact.place}


def _step(step: Step) -> dict[str, Any]:
    return {**asdict(step), "at": moment(step.at), "seconds": step.seconds and round(step.seconds, 3)}
