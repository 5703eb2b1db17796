"""The audit trail of replays, and one replay with its progress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from starlette.responses import Response

from headrace.console.errors import CommandError
from headrace.console.replay import audit, control, journal, render
from headrace.console.replay.audit import AuditEntry, ControlCommand
from headrace.console.replay.redrive import watch as redrive_watch
from headrace.console.views.queries.operations import audit_entries
from headrace.console.web.failures import NotFoundError
from headrace.console.web.pages.replays.forms import stage_named
from headrace.console.web.request import ConsoleRequest

LIMIT = 100
"""Replays of the page, the newest."""
RUNNING = ("begun", "paused")
COMMANDS: tuple[ControlCommand, ...] = get_args(ControlCommand)


@dataclass(frozen=True, slots=True)
class ReplayProgress:
    """A replay with the outcomes of the records it sent. `entry` is None until it is on the log."""

    id: str
    entry: AuditEntry | None
    outcomes: Mapping[str, int]
    codes: Mapping[str, int]
    failure: str
    is_here: bool

    @property
    def is_over(self) -> bool:
        """Whether nothing changes any more."""
        if self.entry is None or self.is_here:
            return not self.is_here
        return self.entry.state not in RUNNING and not self.outcomes.get("waiting")


def show(request: ConsoleRequest) -> Response:
    """List the newest replays."""
    with request.services.connect() as connection:
        entries = list(audit_entries(connection).values())
    more = max(0, len(entries) - LIMIT)
    return request.render("replays.html", entries=entries[: -LIMIT - 1 : -1], more=more)


def show_one(request: ConsoleRequest) -> Response:
    """Show a replay; for htmx only its progress."""
    progress = _progress(request, request.query.get("id", ""))
    template = "_replay.html" if request.is_partial else "replay.html"
    return request.render(template, progress=progress, entry=progress.entry)


def command(request: ConsoleRequest) -> Response:
    """Pause, resume or stop a running replay."""
    name = request.form.get("command", "")
    if name not in COMMANDS:
        raise CommandError(f"the command is one of {', '.join(COMMANDS)}")
    cluster = request.services.cluster()
    found = audit.find(journal.read_entries(cluster), request.form.get("id", ""))
    entry = control.send_command(cluster, name, found)
    state = "running" if entry.state == "begun" else entry.state
    return request.redirect(f"/replays/one?id={entry.id}", notice=f"{state} after {entry.sent:,} of {entry.letters:,}")


def list_json(request: ConsoleRequest) -> list[dict[str, Any]]:
    """Return replays as `headrace replay list --json` prints them."""
    with request.services.connect() as connection:
        return [render.action(each) for each in list(audit_entries(connection).values())[-LIMIT:]]


def _progress(request: ConsoleRequest, id_: str) -> ReplayProgress:
    cluster, runs = request.services.cluster(), request.services.runs
    is_here, failure = runs.is_running(id_), runs.failure(id_)
    entries = journal.read_entries(cluster)
    if id_ not in entries and (is_here or failure):
        return ReplayProgress(id_, None, {}, {}, failure, is_here)
    try:
        entry = audit.find(entries, id_)
    except CommandError as error:
        raise NotFoundError(str(error)) from error
    if entry.kind != "redrive":
        return ReplayProgress(entry.id, entry, {}, {}, failure, is_here)
    outcomes = redrive_watch.since(cluster, stage_named(request, entry.stage), entry).look()
    counts = {str(name): number for name, number in outcomes.counts().items()}
    return ReplayProgress(entry.id, entry, counts, outcomes.codes(), failure, is_here)
