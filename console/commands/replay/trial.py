"""`headrace replay diff` and `discard`: inspect and delete a shadow run."""

from __future__ import annotations

from typing import Annotated

import typer

from headrace.console.commands.replay.common import connect, screen
from headrace.console.terminal.output import print_json, print_line

TrialName = Annotated[str, typer.Argument(metavar="NAME", help="Name given to `rewind --shadow`.", show_default=False)]
TrialJsonOption = Annotated[bool, typer.Option("--json", help="Print JSON with every record that differs.")]


def diff(
    name: TrialName,
    limit: Annotated[int, typer.Option(min=0, help="Number of differing records to print.")] = 10,
    as_json: TrialJsonOption = False,
) -> None:
    """Compare the results of a shadow run with the stored results: headrace replay rewind --shadow NAME."""
    from headrace.console.replay.trial import render, trial

    diffs = list(trial.compared(connect(), name).values())
    if as_json:
        print_json(render.diff(diffs))
    else:
        render.print_diff(diffs, limit, screen())


def discard(name: TrialName) -> None:
    """Delete the topics, consumer group and results of a shadow run. Live data is not changed."""
    from datetime import UTC, datetime

    from headrace.connectors.aws.client import AwsSession
    from headrace.console import aws
    from headrace.console.replay import audit, journal
    from headrace.console.replay.trial import overlay_bucket, trial
    from headrace.schemas.settings import load
    from headrace.streams.settings import StreamSettings

    cluster = connect()
    deleted = trial.discard(cluster, name)
    group = trial.group_of(name)
    stages = [each.stage for each in journal.read_entries(cluster).values() if each.group == group]
    target = journal.StageGroup(stages[-1] if stages else "", group)
    done = journal.start_entry("discard", target, name, "").over("done", datetime.now(UTC))
    cluster.write([audit.message(done)])
    objects = aws.empty(AwsSession(), load(StreamSettings).results_bucket, overlay_bucket.folder_of(name))
    print_line(f"deleted: {', '.join(sorted(deleted))}, and {objects:,} stored results")
