"""`headrace replay diff` and `discard`: what a replay into a sandbox found, and its end."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from headrace.console.commands.replay.common import connect, screen

TrialName = Annotated[
    str, typer.Argument(metavar="NAME", help="What the trial was called: --into.", show_default=False)
]
TrialJsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, with every record that differs.")]


def diff(
    name: TrialName,
    limit: Annotated[int, typer.Option(min=0, help="Print so many records that differ.")] = 10,
    as_json: TrialJsonOption = False,
) -> None:
    """Show what a stage would answer differently, as a trial of it has found: headrace replay rewind --into NAME."""
    from headrace.console.replay.trial import render, trial

    found = list(trial.compared(connect(), name).values())
    if as_json:
        typer.echo(json.dumps(render.diff(found), indent=2))
    else:
        render.print_diff(found, limit, screen())


def discard(name: TrialName) -> None:
    """Delete a trial's topics, group and results. What is live is not touched."""
    from datetime import UTC, datetime

    from headrace.console import aws
    from headrace.console.replay import audit, journal
    from headrace.console.replay.trial import overlay_bucket, trial
    from headrace.schemas.settings import load
    from headrace.streams.settings import StreamSettings

    cluster = connect()
    gone = trial.discard(cluster, name)
    group = trial.group_of(name)
    stages = [each.stage for each in journal.read_entries(cluster).values() if each.group == group]
    done = journal.start_entry("discard", (stages[-1] if stages else "", group), name, "").over(
        "done", datetime.now(UTC)
    )
    cluster.write([audit.message(done)])
    number = aws.empty(load(StreamSettings).results_bucket, overlay_bucket.folder_of(name))
    typer.echo(f"deleted: {', '.join(sorted(gone))}, and {number:,} stored results")
