"""What a trial will do and what it found, for people and as plain data for `--json`. Pure, but for the printing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from headrace.console.dlq.sanitize import text
from headrace.console.replay.trial.diff import DiffVerdict, RecordDiff
from headrace.console.replay.trial.trial import TrialPlan
from headrace.console.terminal.formatting import pluralize

SHOWN = 20

WORDS: dict[DiffVerdict, str] = {
    "same": "answered as before",
    "changed": "answered differently",
    "new": "answered that were not before",
    "gone": "no longer answered",
    "fails": "dead letters that were answered before",
    "unanswered": "unanswered, now as before",
    "refused": "not known without a call that would have to be paid",
}


def trial(plan: TrialPlan) -> dict[str, Any]:
    """Tell a trial's plan."""
    spans = [{"topic": place[0], "partition": place[1], "from": span.low, "to": span.high} for place, span in _of(plan)]
    return {
        "trial": plan.trial.name,
        "stage": plan.trial.stage.name,
        "group": plan.trial.group,
        "topics": [topic.name for topic in plan.trial.topics()],
        "to": plan.target,
        "records": plan.records,
        "done_before": plan.done,
        "spans": spans,
    }


def print_trial(plan: TrialPlan, console: Console) -> None:
    """Print a trial's plan."""
    of = plan.trial
    console.print(f"[bold]trial {of.name}[/] of {of.stage.name} from {plan.target}")
    table = Table("topic", box=None, pad_edge=False, header_style="bold")
    for column in ("partition", "from", "to", "records"):
        table.add_column(column, justify="right")
    for place, span in _of(plan):
        if span.high > span.low:
            table.add_row(place[0], *(f"{each:,}" for each in (place[1], span.low, span.high, span.high - span.low)))
    console.print(table)
    if plan.done:
        console.print(f"worked already: {plan.done:,}")
    console.print(
        f"{pluralize(plan.records, 'record')}: nothing live is written, nothing is paid for, no job is started"
    )
    console.print(f"results go to {', '.join(topic.name for topic in of.topics())}")


def diff(found: Collection[RecordDiff]) -> dict[str, Any]:
    """Tell how the answers compare: how many of each kind, which fields are others, and every record that differs."""
    return {
        "records": len(found),
        "verdicts": dict(Counter(each.verdict for each in found)),
        "fields": dict(_fields(found)),
        "different": [{**msgspec.to_builtins(each), "key": text(each.key)} for each in _different(found)],
    }


def print_diff(found: Collection[RecordDiff], limit: int, console: Console) -> None:
    """Print how the answers compare, with the first records that differ."""
    verdicts = Counter(each.verdict for each in found)
    console.print(f"{pluralize(len(found), 'record')}")
    for verdict, words in WORDS.items():
        if verdicts[verdict]:
            console.print(f"  {verdicts[verdict]:,} {words}")
    if fields := _fields(found):
        table = Table("field", "records", box=None, pad_edge=False, header_style="bold")
        for name, number in fields.most_common(SHOWN):
            table.add_row(Text(name), f"{number:,}")
        console.print(table)
    different = _different(found)
    for each in different[:limit]:
        code = f" {each.code}:" if each.code else ""
        why = f"{code} {each.why}" if each.code or each.why else ""
        console.print(f"[bold]{each.verdict}[/] ", end="")
        console.print(f"{text(each.key)} ({each.record}){why}", markup=False)
        for change in each.changes:
            console.print(f"  {change.field}: {change.before or 'none'} -> {change.after or 'none'}", markup=False)
    if len(different) > limit:
        console.print(f"and {len(different) - limit:,} more: --limit, or --json for all of them")


def _different(found: Iterable[RecordDiff]) -> list[RecordDiff]:
    return [each for each in found if each.verdict not in ("same", "unanswered")]


def _fields(found: Iterable[RecordDiff]) -> Counter[str]:
    """Count the records in which a field differs; places of a list count as one field."""
    names = ({re.sub(r"\[\d+\]", "[]", change.field) for change in each.changes} for each in found)
    return Counter(name for own in names for name in own)


def _of(plan: TrialPlan) -> list[Any]:
    return sorted(plan.spans.items())
