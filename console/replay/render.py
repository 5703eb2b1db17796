"""What replays are and do, for people and as plain data for `--json`. Pure, but for the printing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from headrace.console.replay.audit import AuditEntry

WIDTH = 1000
"""Columns of a table: as wide as it has to be. A terminal may wrap it, but nothing is left out."""


def action(of: AuditEntry) -> dict[str, Any]:
    """Tell an action."""
    found: dict[str, Any] = msgspec.to_builtins(of)
    return found


def print_actions(found: Iterable[AuditEntry], console: Console) -> None:
    """Print a line for each action."""
    table = Table(
        "id", "at", "what", "stage", "state", "letters", "sent", "by", "asked", "reason", box=None, pad_edge=False
    )
    table.header_style = "bold"
    for each in found:
        numbers = (f"{each.letters:,}", f"{each.sent:,}") if each.what in ("redrive", "trial") else ("", "")
        table.add_row(each.id, each.at, each.what, each.stage, each.state, *numbers, each.by, each.asked, each.reason)
    console.print(table)


def print_action(of: AuditEntry, console: Console) -> None:
    """Print all that is known of an action."""
    console.print(f"[bold]{of.id}[/] {of.what} of {of.stage}: {of.state}")
    for name, said in (
        ("asked", of.asked),
        ("by", of.by),
        ("reason", of.reason),
        ("group", of.group),
        ("note", of.note),
    ):
        if said:
            console.print(f"  {name}: {said}", markup=False)
    console.print(f"  from {of.at}" + (f" to {of.ended}" if of.ended else ", and not ended"))
    for each in of.shifts:
        before = "none" if each.before is None else each.before
        if each.before != each.after:
            console.print(f"  {each.topic}/{each.partition}: {before} -> {each.after}")
