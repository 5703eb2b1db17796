"""What replays are and do, for people and as plain data for `--json`. Pure, but for the printing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from headrace.console.assets.serialize import moment
from headrace.console.replay.audit import Action
from headrace.console.replay.forecast.effects import Kind
from headrace.console.replay.forecast.summary import Outlook
from headrace.console.replay.rewind.moves import Move
from headrace.console.replay.rewind.rewind import Plan
from headrace.console.replay.rewind.targets import stamp
from headrace.console.terminal.formatting import counted

WIDTH = 1000
"""Columns of a table: as wide as it has to be. A terminal may wrap it, but nothing is left out."""

WORDS: dict[Kind, str] = {
    "stored": "emitted again from the store",
    "joined": "looked at again by a fan-in",
    "worked": "worked again, free of charge",
    "paid": "worked again by a paid call",
    "superseded": "overtaken by a newer version",
    "unwanted": "not wanted by the stage",
    "given-up": "given up again: nobody can read them",
}


def rewind(plan: Plan) -> dict[str, Any]:
    """Tell a rewind's plan."""
    return {
        "stage": plan.scope.stage.name,
        "group": plan.scope.group,
        "to": plan.target,
        "members": list(plan.members),
        "left": list(plan.scope.left),
        "partitions": [_partition(move) for move in plan.moves],
        "outlook": outlook(plan.outlook),
    }


def outlook(of: Outlook | None) -> dict[str, Any] | None:
    """Tell what a replay will do and cost; None where nobody looked."""
    if of is None:
        return None
    return {**asdict(of), "is_exact": of.is_exact, "estimated_usd": round(of.of_all(of.usd), 4)}


def print_rewind(plan: Plan, console: Console) -> None:
    """Print a rewind's plan."""
    console.print(f"[bold]rewind[/] of {plan.scope.group} to {plan.target}")
    rows = [move for move in plan.moves if move.again or move.skipped]
    if rows:
        console.print(_table(rows))
    if len(rows) < len(plan.moves):
        console.print(f"unmoved: {counted(len(plan.moves) - len(rows), 'partition')}")
    if plan.scope.left:
        console.print(f"left as they are: {', '.join(plan.scope.left)} (to be named with --topic)")
    if any(move.skipped for move in rows):
        skipped = counted(sum(move.skipped for move in rows), "record")
        console.print(f"[red]{skipped} that would be worked next are passed over[/]")
    print_outlook(plan.outlook, console)


def print_outlook(of: Outlook | None, console: Console) -> None:
    """Print what a replay will do and cost."""
    if of is None or not of.records:
        return
    about = "" if of.is_exact else f"about, from {of.looked:,} that were looked at: "
    said = (f"{of.of_all(of.counts[kind]):,.0f} {words}" for kind, words in WORDS.items() if of.counts.get(kind))
    console.print(f"{counted(of.records, 'record')}: {about}{', '.join(said)}")
    if of.counts.get("paid"):
        more = f", and {of.of_all(of.unpriced):,.0f} calls whose price is not known" if of.unpriced else ""
        console.print(f"[bold]to be paid: ${of.of_all(of.usd):,.4f} at AWS's list prices{more}[/]")
    if of.counts.get("paid") or of.counts.get("worked"):
        console.print("what the stages after it make of new results is not counted")


def action(of: Action) -> dict[str, Any]:
    """Tell an action."""
    found: dict[str, Any] = msgspec.to_builtins(of)
    return found


def print_actions(found: Iterable[Action], console: Console) -> None:
    """Print a line for each action."""
    table = Table(
        "id", "at", "what", "stage", "state", "letters", "sent", "by", "asked", "reason", box=None, pad_edge=False
    )
    table.header_style = "bold"
    for each in found:
        numbers = (f"{each.letters:,}", f"{each.sent:,}") if each.what in ("redrive", "trial") else ("", "")
        table.add_row(each.id, each.at, each.what, each.stage, each.state, *numbers, each.by, each.asked, each.reason)
    console.print(table)


def print_action(of: Action, console: Console) -> None:
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


def _partition(move: Move) -> dict[str, Any]:
    return {
        "topic": move.topic,
        "partition": move.partition,
        "from": move.before,
        "to": move.to,
        "again": move.again,
        "skipped": move.skipped,
        "oldest": moment(move.oldest),
        "newest": moment(move.newest),
    }


def _table(moves: Iterable[Move]) -> Table:
    table = Table("topic", box=None, pad_edge=False, header_style="bold")
    for column in ("partition", "from", "to", "again", "skipped"):
        table.add_column(column, justify="right")
    for column in ("oldest", "newest"):
        table.add_column(column)
    for move in moves:
        before = "none" if move.before is None else str(move.before)
        numbers = (move.to, move.again, move.skipped)
        times = (stamp(at) if at is not None else "" for at in (move.oldest, move.newest))
        table.add_row(move.topic, str(move.partition), before, *(f"{number:,}" for number in numbers), *times)
    return table
