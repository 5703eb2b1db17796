"""Shadow-run plans and comparisons as text and as JSON."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from headrace.console.replay.trial.diff import DiffVerdict, RecordDiff
from headrace.console.replay.trial.trial import TrialPlan
from headrace.console.terminal.formatting import pluralize
from headrace.console.terminal.screen import Console, Table, Text
from headrace.schemas.safe_text import safe_text

SHOWN = 20

WORDS: dict[DiffVerdict, str] = {
    "same": "same result",
    "changed": "different result",
    "new": "new result",
    "gone": "result missing",
    "fails": "dead letter instead of a result",
    "unanswered": "no result, before and now",
    "refused": "unknown: needs a billed call",
}


def trial(plan: TrialPlan) -> dict[str, Any]:
    """Return the plan of a shadow run as JSON data."""
    spans = [
        {"topic": place[0], "partition": place[1], "from": span.low, "to": span.high}
        for place, span in _sorted_spans(plan)
    ]
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
    """Print the plan of a shadow run."""
    run = plan.trial
    console.print(Text.assemble((f"shadow run {run.name}", "bold"), f" of {run.stage.name} from {plan.target}"))
    table = Table("topic", box=None, pad_edge=False, header_style="bold")
    for column in ("partition", "from", "to", "records"):
        table.add_column(column, justify="right")
    for place, span in _sorted_spans(plan):
        if span.high > span.low:
            table.add_row(place[0], *(f"{each:,}" for each in (place[1], span.low, span.high, span.high - span.low)))
    console.print(table)
    if plan.done:
        console.print(f"already processed: {plan.done:,}")
    console.print(f"{pluralize(plan.records, 'record')}: no live data is changed, no call is billed, no job is started")
    console.print(f"results go to {', '.join(topic.name for topic in run.topics())}")


def diff(diffs: Collection[RecordDiff]) -> dict[str, Any]:
    """Return the comparison as JSON data: counts per verdict and field, and every record that differs."""
    return {
        "records": len(diffs),
        "verdicts": dict(Counter(each.verdict for each in diffs)),
        "fields": dict(_fields(diffs)),
        "different": [{**msgspec.to_builtins(each), "key": safe_text(each.key)} for each in _different(diffs)],
    }


def print_diff(diffs: Collection[RecordDiff], limit: int, console: Console) -> None:
    """Print the comparison, with the first `limit` records that differ."""
    verdicts = Counter(each.verdict for each in diffs)
    console.print(f"{pluralize(len(diffs), 'record')}")
    for verdict, words in WORDS.items():
        if verdicts[verdict]:
            console.print(f"  {verdicts[verdict]:,} {words}")
    if fields := _fields(diffs):
        table = Table("field", "records", box=None, pad_edge=False, header_style="bold")
        for name, number in fields.most_common(SHOWN):
            table.add_row(Text(name), f"{number:,}")
        console.print(table)
    different = _different(diffs)
    for each in different[:limit]:
        code = f" {each.code}:" if each.code else ""
        why = f"{code} {each.why}" if each.code or each.why else ""
        console.print(Text.assemble((each.verdict, "bold"), f" {each.key} ({each.record}){why}"))
        for change in each.changes:
            console.print(f"  {change.field}: {change.before or 'none'} -> {change.after or 'none'}")
    if len(different) > limit:
        console.print(f"and {len(different) - limit:,} more; see --limit, or --json for all")


def _different(diffs: Iterable[RecordDiff]) -> list[RecordDiff]:
    return [each for each in diffs if each.verdict not in ("same", "unanswered")]


def _fields(diffs: Iterable[RecordDiff]) -> Counter[str]:
    """Count the records in which a field differs; all elements of a list count as one field."""
    names = ({re.sub(r"\[\d+\]", "[]", change.field) for change in each.changes} for each in diffs)
    return Counter(name for own in names for name in own)


def _sorted_spans(plan: TrialPlan) -> list[Any]:
    return sorted(plan.spans.items())
