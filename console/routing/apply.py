"""Puts the rules of a folder in force: what changes is said first, and everything is checked before anything does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.routing import targets
from headrace.console.terminal.operator import current_operator
from headrace.schemas import topics
from headrace.schemas.cloudevents import timestamp
from headrace.schemas.topics import Topic
from headrace.streams.routing.rule import Rule
from headrace.streams.routing.rule_table import RuleChange, message

RuleDiff = Literal["new", "changed", "same", "removed", "not in the folder"]


@dataclass(frozen=True, slots=True)
class RulePlan:
    """What becomes of each rule, by its name; `texts` are those of the folder."""

    changes: Mapping[str, RuleDiff]
    texts: Mapping[str, str]
    wanted: tuple[Rule, ...]

    def changed_rules(self) -> list[str]:
        """Name the rules that change."""
        return [name for name, change in self.changes.items() if change in ("new", "changed", "removed")]


def plan_rules(folder: str, in_force: Mapping[str, str], prune: bool) -> RulePlan:
    """Compare a folder with what is in force, given by names and versions. Raises `BadRule` for one of no use."""
    wanted = targets.rules(folder)
    for rule in wanted:
        targets.opened(rule)
    changes: dict[str, RuleDiff] = {}
    for rule in wanted:
        known = in_force.get(rule.name)
        changes[rule.name] = "new" if known is None else "same" if known == rule.version else "changed"
    for name in sorted(in_force.keys() - changes.keys()):
        changes[name] = "removed" if prune else "not in the folder"
    texts = {rule.name: (Path(folder) / f"{rule.name}.toml").read_text("utf-8") for rule in wanted}
    return RulePlan(changes, texts, wanted)


def execute(cluster: KafkaAdmin, planned: RulePlan) -> None:
    """Make the topics that new rules need, then put what changes in force."""
    needed: list[Topic] = [topics.RULES]
    for rule in planned.wanted:
        needed += [topics.retry(rule.stage_name), topics.dead_letters(rule.stage_name)]
    cluster.create(needed)
    by, at = current_operator(), timestamp(datetime.now(UTC))
    cluster.write([message(RuleChange(name, planned.texts.get(name), by, at)) for name in planned.changed_rules()])
