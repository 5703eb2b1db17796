"""Audit entries of replays as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from headrace.console.replay.audit import AuditEntry
from headrace.console.terminal.screen import Console, Table, Text

WIDTH = 1000
"""Columns of the console: wide enough that no table cell is cut off."""


def action(entry: AuditEntry) -> dict[str, Any]:
    """Return an audit entry as JSON data."""
    document: dict[str, Any] = msgspec.to_builtins(entry)
    return document


def print_actions(entries: Iterable[AuditEntry], console: Console) -> None:
    """Print one line per audit entry."""
    columns = ("id", "at", "kind", "stage", "state", "letters", "sent", "by", "request", "reason")
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for each in entries:
        numbers = (f"{each.letters:,}", f"{each.sent:,}") if each.kind in ("redrive", "trial") else ("", "")
        table.add_row(each.id, each.at, each.kind, each.stage, each.state, *numbers, each.by, each.request, each.reason)
    console.print(table)


def print_action(entry: AuditEntry, console: Console) -> None:
    """Print every field of an audit entry."""
    console.print(Text.assemble((entry.id, "bold"), f" {entry.kind} of {entry.stage}: {entry.state}"))
    for name, value in (
        ("request", entry.request),
        ("by", entry.by),
        ("reason", entry.reason),
        ("group", entry.group),
        ("note", entry.note),
    ):
        if value:
            console.print(f"  {name}: {value}")
    console.print(f"  from {entry.at}" + (f" to {entry.ended}" if entry.ended else ", not ended"))
    for each in entry.shifts:
        before = "none" if each.before is None else each.before
        if each.before != each.after:
            console.print(f"  {each.topic}/{each.partition}: {before} -> {each.after}")
