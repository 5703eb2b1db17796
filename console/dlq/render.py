"""Letters on a terminal. What is printed is what `console.dlq.serialize` and `console.dlq.detail` tell, and nothing
else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.columns import Columns
from rich.console import Console
from rich.table import Table
from rich.text import Text

from headrace.console.dlq.letter import short_ids
from headrace.console.terminal.formatting import pluralize

WIDTH = 1000
"""Columns of a line that goes into a file or to another program: nothing is left out of it."""
GROUPS = 20
HOURS = 24
BAR = 40


def console() -> Console:
    """A console as wide as the terminal; where there is none, as wide as need be."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=WIDTH)


def page(told: Mapping[str, Any], short: Mapping[str, str], out: Console) -> None:
    """Print a line a letter, and how many are not shown."""
    if told["letters"]:
        out.print(_letters(told["letters"], short))
    else:
        out.print("no dead letter is like that")
    if told["more"]:
        number = pluralize(told["more"], "more letter") if told["more_is_exact"] else f"up to {told['more']:,} more"
        out.print(Text(f"{number}: --limit shows more, a filter fewer", "dim"))
    if told["resolved_hidden"]:
        out.print(Text(f"{pluralize(told['resolved_hidden'], 'resolved letter')} not shown: --all shows them", "dim"))


def letter(told: Mapping[str, Any], table: Table | None, out: Console) -> None:
    """Print all that is known of a letter; `table` is its timeline."""
    out.print(Text(told["id"], "bold"))
    out.print(Text(f"{told['code']}: {told['reason']}", "red"))
    facts = Table(box=None, pad_edge=False, show_header=False)
    for name, said in _facts(told):
        facts.add_row(Text(name, "dim"), Text(said))
    out.print(facts)
    out.print(Text("\nheaders", "bold"))
    headers = Table(box=None, pad_edge=False, show_header=False)
    for name, value in told["headers"]:
        headers.add_row(Text(name, "dim"), Text("null") if value is None else Text(value))
    out.print(headers)
    _value(told["value"], out)
    if table is not None:
        out.print(Text("\ntimeline", "bold"))
        out.print(table)
    out.print()
    if told["redrive"]:
        out.print(Text(f"to send it back to {told['stage']}: {told['redrive']}"))
    else:
        out.print(Text("the bridge reads no topic: put the message on its queue again, or headrace dlq resolve"))


def stats(told: Mapping[str, Any], out: Console) -> None:
    """Print letters in numbers."""
    said = f"{pluralize(told['letters'], 'open letter')}, {told['resolved']:,} resolved, {told['records']:,} records"
    out.print(Text(said, "bold"))
    if not told["letters"]:
        return
    out.print(Columns([_counts(name, told[f"by_{name}"]) for name in ("stage", "code", "class")], padding=(1, 4)))
    out.print(_hours(told["by_hour"]))
    groups, new = told["groups"], [each for each in told["groups"] if each["new"]]
    out.print(Text(f"{pluralize(len(groups), 'group')} of alike reasons, {len(new):,} new since 24 hours ago", "bold"))
    out.print(_groups([*groups[:GROUPS], *(each for each in new[:GROUPS] if each not in groups[:GROUPS])]))


def _letters(letters: list[dict[str, Any]], short: Mapping[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("id", "code"):
        table.add_column(column, no_wrap=True)
    table.add_column("key", no_wrap=True, overflow="ellipsis", min_width=12, ratio=2)
    table.add_column("failed", no_wrap=True)
    table.add_column("tries", justify="right")
    table.add_column("reason", no_wrap=True, overflow="ellipsis", min_width=12, ratio=3)
    for each in letters:
        resolved = each["disposition"]
        said = f"[{resolved['status']}: {resolved['why']}] {each['reason']}" if resolved else each["reason"]
        tries = str(each["attempts"] or "")
        cells = (short[each["id"]], each["code"], each["key"], local(each["failed_at"]), tries, said)
        table.add_row(*map(Text, cells), style="dim" if resolved else "")
    return table


def _facts(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    decided = told["disposition"]
    said = f"{decided['status']} by {decided['by']} at {local(decided['at'])}: {decided['why']}" if decided else ""
    first = f", first {local(told['first_failure'])}" if told["first_failure"] else ""
    tries = f", {pluralize(told['attempts'], 'attempt')}" if told["attempts"] else ""
    again = f", redriven {pluralize(told['redriven'], 'time')}" if told["redriven"] else ""
    times = f" ({pluralize(told['records'], 'record')} of this letter)" if told["records"] > 1 else ""
    facts = [
        ("key", told["key"]),
        ("failed", local(told["failed_at"]) + first + tries + again),
        ("exception", told["class"]),
        ("from", told["origin"] + (f", written {local(told['origin_at'])}" if told["origin_at"] else "")),
        ("lies at", told["record"] + times),
        ("resolved", said),
    ]
    return [fact for fact in facts if fact[1]]


def _value(told: Mapping[str, Any], out: Console) -> None:
    size = "" if told["size"] is None else f", {pluralize(told['size'], 'byte')}"
    out.print(Text(f"\nrecord ({told['kind']}{size})", "bold"))
    if "record" in told:
        out.print(Text(json.dumps(told["record"], indent=2, ensure_ascii=False)))
    for line in told.get("hex", ()):
        out.print(Text(line))


def _counts(name: str, counts: Mapping[str, int]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(name)
    table.add_column("letters", justify="right")
    for each, letters in counts.items():
        table.add_row(Text(each or "-"), f"{letters:,}")
    return table


def _hours(counts: Mapping[str, int]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("hour", "letters", ""):
        table.add_column(column, justify="right" if column == "letters" else "left")
    shown = list(counts.items())[-HOURS:]
    most = max(letters for _, letters in shown)
    for hour, letters in shown:
        table.add_row(local(hour)[:-3], f"{letters:,}", "█" * max(1, round(BAR * letters / most)))
    before = sum(counts.values()) - sum(letters for _, letters in shown)
    if before:
        table.add_row("before", f"{before:,}", "")
    return table


def _groups(groups: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("letters", justify="right")
    for column in ("", "stage", "code", "first", "last", "reason", "one of them"):
        table.add_column(column, no_wrap=column != "reason")
    short = short_ids(each["example"] for each in groups)
    for each in groups:
        first, last = (local(each[name])[:-3] for name in ("first", "last"))
        new = Text("new" if each["new"] else "", "yellow")
        cells = (each["stage"], each["code"], first, last, each["normalized_reason"], short[each["example"]])
        table.add_row(f"{each['letters']:,}", new, *map(Text, cells))
    return table


def local(said: str | None) -> str:
    """Write a moment in RFC 3339 as the date and time here; anything else as it is."""
    try:
        return datetime.fromisoformat(said or "").astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError):
        return said or "?"
