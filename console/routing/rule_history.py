"""The changes of rules on `system.rules`, as far as the topic has not been compacted."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from headrace.console.kafka.topic_reader import TopicReader
from headrace.schemas import topics
from headrace.schemas.parsing import InvalidValueError, parse_struct
from headrace.streams.routing.rule_table import RuleChange


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """A change of a rule, with its position on the log. `text` is None if it removed the rule."""

    name: str
    text: str | None
    by: str
    at: str
    place: str


def rule_history(log: TopicReader, name: str = "") -> list[RuleVersion]:
    """Read the changes of rules, or of one rule, newest first. Invalid records are left out."""
    records = chain.from_iterable(log.read(log.spans([topics.RULES.name]), values=True))
    found = []
    for record in records:
        try:
            change = parse_struct(record.value or b"", RuleChange)
        except InvalidValueError:
            continue
        place = f"{record.topic}/{record.partition}/{record.offset}"
        if name in ("", change.name):
            found.append(RuleVersion(change.name, change.text, change.by, change.at, place))
    return found[::-1]


def active_texts(log: TopicReader) -> dict[str, str]:
    """Return the text of each rule that was not removed, by name."""
    newest: dict[str, str | None] = {}
    for version in rule_history(log):
        newest.setdefault(version.name, version.text)
    return {name: text for name, text in newest.items() if text is not None}
