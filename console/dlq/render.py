"""Print dead letters on a terminal, from the data of `console.dlq.serialize` and `console.dlq.detail`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from headrace.console.dlq.letter import short_ids
from headrace.console.terminal.formatting import pluralize
from headrace.console.terminal.screen import Columns, Console, Table, Text
from headrace.schemas.parsing import InvalidValueError, parse_time

WIDTH = 1000
"""Columns of a line in a file or pipe: nothing is cut off."""
GROUPS = 20
HOURS = 24
BAR = 40


def console() -> Console:
    """Create a console as wide as the terminal; without one, `WIDTH` columns wide."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=WIDTH)


def page(data: Mapping[str, Any], short: Mapping[str, str], out: Console) -> None:
    """Print one line per dead letter, and the number of those not shown."""
    if data["letters"]:
        out.print(_letters(data["letters"], short))
    else:
        out.print("no dead letters match")
    if data["more"]:
        number = pluralize(data["more"], "more letter") if data["more_is_exact"] else f"up to {data['more']:,} more"
        out.print(Text(f"{number}: raise --limit, or filter", "dim"))
    if data["resolved_hidden"]:
        out.print(Text(f"{pluralize(data['resolved_hidden'], 'resolved letter')} not shown: add --all", "dim"))


def letter(data: Mapping[str, Any], table: Table | None, out: Console) -> None:
    """Print the details of a dead letter; `table` is its timeline."""
    out.print(Text(data["id"], "bold"))
    out.print(Text(f"{data['code']}: {data['reason']}", "red"))
    facts = Table(box=None, pad_edge=False, show_header=False)
    for name, value in _facts(data):
        facts.add_row(Text(name, "dim"), Text(value))
    out.print(facts)
    out.print()
    out.print(Text("headers", "bold"))
    headers = Table(box=None, pad_edge=False, show_header=False)
    for name, value in data["headers"]:
        headers.add_row(Text(name, "dim"), Text("null") if value is None else Text(value))
    out.print(headers)
    _value(data["value"], out)
    if table is not None:
        out.print()
        out.print(Text("timeline", "bold"))
        out.print(table)
    out.print()
    if data["redrive"]:
        out.print(Text(f"redrive to {data['stage']}: {data['redrive']}"))
    else:
        out.print(Text("the bridge consumes no topic: send the message again, or run headrace dlq resolve"))


def stats(data: Mapping[str, Any], out: Console) -> None:
    """Print the counts of dead letters."""
    counts = f"{pluralize(data['letters'], 'open letter')}, {data['resolved']:,} resolved, {data['records']:,} records"
    out.print(Text(counts, "bold"))
    if not data["letters"]:
        return
    out.print(Columns([_counts(name, data[f"by_{name}"]) for name in ("stage", "code", "class")], padding=(1, 4)))
    out.print(_hours(data["by_hour"]))
    groups, new = data["groups"], [each for each in data["groups"] if each["new"]]
    out.print(Text(f"{pluralize(len(groups), 'group')} of similar reasons, {len(new):,} new in 24 hours", "bold"))
    out.print(_groups([*groups[:GROUPS], *(each for each in new[:GROUPS] if each not in groups[:GROUPS])]))


def _letters(letters: list[dict[str, Any]], short: Mapping[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("id", "code"):
        table.add_column(column, no_wrap=True)
    table.add_column("key", no_wrap=True, overflow="ellipsis", min_width=12, ratio=2)
    table.add_column("failed", no_wrap=True)
    table.add_column("attempts", justify="right")
    table.add_column("reason", no_wrap=True, overflow="ellipsis", min_width=12, ratio=3)
    for each in letters:
        resolved = each["disposition"]
        text = f"[{resolved['status']}: {resolved['why']}] {each['reason']}" if resolved else each["reason"]
        attempts = str(each["attempts"] or "")
        cells = (short[each["id"]], each["code"], each["key"], local(each["failed_at"]), attempts, text)
        table.add_row(*map(Text, cells), style="dim" if resolved else "")
    return table


def _facts(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    decided = data["disposition"]
    text = f"{decided['status']} by {decided['by']} at {local(decided['at'])}: {decided['why']}" if decided else ""
    first = f", first {local(data['first_failure'])}" if data["first_failure"] else ""
    attempts = f", {pluralize(data['attempts'], 'attempt')}" if data["attempts"] else ""
    again = f", redriven {pluralize(data['redriven'], 'time')}" if data["redriven"] else ""
    times = f" ({pluralize(data['records'], 'record')} of this dead letter)" if data["records"] > 1 else ""
    facts = [
        ("key", data["key"]),
        ("failed", local(data["failed_at"]) + first + attempts + again),
        ("exception", data["class"]),
        ("from", data["origin"] + (f", written {local(data['origin_at'])}" if data["origin_at"] else "")),
        ("record", data["record"] + times),
        ("resolved", text),
    ]
    return [fact for fact in facts if fact[1]]


def _value(data: Mapping[str, Any], out: Console) -> None:
    size = "" if data["size"] is None else f", {pluralize(data['size'], 'byte')}"
    out.print()
    out.print(Text(f"record ({data['kind']}{size})", "bold"))
    if "record" in data:
        for line in json.dumps(data["record"], indent=2, ensure_ascii=False).split("\n"):
            out.print(Text(line))
    for line in data.get("hex", ()):
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
    for column in ("", "stage", "code", "first", "last", "reason", "example"):
        table.add_column(column, no_wrap=column != "reason")
    short = short_ids(each["example"] for each in groups)
    for each in groups:
        first, last = (local(each[name])[:-3] for name in ("first", "last"))
        new = Text("new" if each["new"] else "", "yellow")
        cells = (each["stage"], each["code"], first, last, each["normalized_reason"], short[each["example"]])
        table.add_row(f"{each['letters']:,}", new, *map(Text, cells))
    return table


def local(at: str | None) -> str:
    """Format an RFC 3339 timestamp in local time; any other text unchanged."""
    try:
        return parse_time(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (InvalidValueError, OverflowError):
        return at or "?"
