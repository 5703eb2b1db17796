"""Print a comparison of rules."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.console.routing.history.pairs import STAYS
from headrace.console.routing.history.payloads import UNCHANGED
from headrace.console.routing.history.report import HistoryReport, RoutingExample, RuleComparison, TopicHistory
from headrace.console.terminal.screen import Console, Table

LONGEST_PAYLOAD = 160
"""Characters of a payload in the text; the JSON has all of them."""
COLUMNS = ("active", "candidate", "gained", "lost", "changed")


def print_report(report: HistoryReport, console: Console) -> None:
    """Print the topics, a table of all rules, and the examples of each rule."""
    for topic in report.topics:
        console.print(_topic_line(topic, report.since), soft_wrap=True)
    table = Table("rule", "change", box=None, pad_edge=False, header_style="bold")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for rule in report.rules:
        active, candidate = rule.kept + rule.lost, rule.kept + rule.gained
        numbers = (active, candidate, rule.gained, rule.lost, rule.changed)
        table.add_row(rule.name, rule.change, *(f"{number:,}" for number in numbers))
    console.print(table)
    for rule in report.rules:
        for line in _rule_lines(rule):
            console.print(line, soft_wrap=True)


def _topic_line(topic: TopicHistory, since: str) -> str:
    if not topic.exists:
        return f"{topic.topic}: the cluster has no such topic"
    line = f"{topic.topic}: {topic.records:,} records since {since}"
    if not topic.complete:
        line += f"; history begins at {topic.begins or 'the next record'}: earlier records have expired"
    if topic.undecodable:
        places = ", ".join(topic.undecodable_records)
        line += f"; {topic.undecodable:,} undecodable, no rule matches them: {places}: {topic.reason}"
    return line


def _rule_lines(rule: RuleComparison) -> Iterator[str]:
    notes = list(_notes(rule))
    examples = [(kind, example) for kind, found in rule.examples.items() for example in found]
    if not notes and not examples and not rule.near_misses:
        return
    yield ""
    yield f"{rule.name}:"
    for note in notes:
        yield f"  {note}"
    for kind, example in examples:
        yield f"  {kind}: {_example_line(example)}"
        yield from _payload_lines(example)
    for near in rule.near_misses:
        yield f"  near misses: {near.records:,} records, but for {near.path}"
        for example in near.examples:
            yield f"    {_example_line(example)}"


def _notes(rule: RuleComparison) -> Iterator[str]:
    if rule.renamed_from:
        yield f"renamed from {rule.renamed_from}: a new consumer group, and new delivery ids"
    if rule.change == STAYS:
        yield "stays active; with --prune it is removed"
    elif rule.state == "shadow":
        yield "a shadow rule: it counts the records of `candidate`, and delivers nothing"
    elif rule.state == "disabled":
        yield "disabled: it delivers nothing"
    if rule.settings:
        yield f"changed settings: {', '.join(rule.settings)}"


def _example_line(example: RoutingExample) -> str:
    return f"{example.place} {example.at} {example.key}" + (f": {example.why}" if example.why else "")


def _payload_lines(example: RoutingExample) -> Iterator[str]:
    for name, text in (("before", example.before), ("after", example.after)):
        if text is not None and text != UNCHANGED:
            shown = text if len(text) <= LONGEST_PAYLOAD else f"{text[:LONGEST_PAYLOAD]} ..."
            yield f"    {name}: {shown}"
