"""Apply a folder of rules: compare it with the active rules, check every rule, then publish the changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from headrace.connectors.aws.client import AwsSession
from headrace.connectors.sinks.registry import sink_names
from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.routing import targets
from headrace.console.terminal.operator import current_operator
from headrace.schemas import topics
from headrace.schemas.cloudevents import timestamp
from headrace.schemas.parsing import read_text_file
from headrace.schemas.topics import Topic
from headrace.streams.routing.rule import Rule, read_text
from headrace.streams.routing.rule_table import RuleChange, message

RuleDiff = Literal["new", "changed", "same", "removed", "not in the folder"]


@dataclass(frozen=True, slots=True)
class RulePlan:
    """The change of each rule by name, and the rules and texts of the folder."""

    changes: Mapping[str, RuleDiff]
    texts: Mapping[str, str]
    rules: tuple[Rule, ...]

    def changed_rules(self) -> list[str]:
        """Return the names of the rules that change."""
        return [name for name, change in self.changes.items() if change in ("new", "changed", "removed")]


def plan_rules(folder: str, active: Mapping[str, str], prune: bool) -> RulePlan:
    """Compare a folder with the active rules, a map of name to version. Raises `InvalidRuleError`."""
    rules, aws = targets.rules(folder), AwsSession()
    for rule in rules:
        targets.opened(aws, rule)
    changes: dict[str, RuleDiff] = {}
    for rule in rules:
        version = active.get(rule.name)
        changes[rule.name] = "new" if version is None else "same" if version == rule.version else "changed"
    for name in sorted(active.keys() - changes.keys()):
        changes[name] = "removed" if prune else "not in the folder"
    texts = {rule.name: read_text_file(Path(folder) / f"{rule.name}.toml") for rule in rules}
    return RulePlan(changes, texts, rules)


def plan_rule(name: str, text: str | None, active: Mapping[str, str]) -> RulePlan:
    """Plan to set the text of one rule, or with None to remove it. `active` is a map of name to text.

    Raises:
        InvalidRuleError: the rule or its target is invalid.
    """
    if text is None:
        return RulePlan({name: "removed"}, {}, ())
    rule = read_text(name, text, sink_names())
    targets.opened(AwsSession(), rule)
    before = active.get(name)
    change: RuleDiff = "new" if before is None else "same" if before == text else "changed"
    return RulePlan({name: change}, {name: text}, (rule,))


def execute(cluster: KafkaAdmin, plan: RulePlan) -> None:
    """Create the topics that the rules need, then publish the changes."""
    required: list[Topic] = [topics.RULES]
    for rule in plan.rules:
        required += [topics.retry(rule.stage_name), topics.dead_letters(rule.stage_name)]
    cluster.create(required)
    by, at = current_operator(), timestamp(datetime.now(UTC))
    cluster.write([message(RuleChange(name, plan.texts.get(name), by, at)) for name in plan.changed_rules()])
