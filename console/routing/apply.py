"""Puts the rules of a folder in force: what changes is said first, and everything is checked before anything does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from headrace.console.kafka.admin import Cluster
from headrace.console.routing import targets
from headrace.console.terminal.operator import operator
from headrace.schemas import topics
from headrace.schemas.cloudevents import timestamp
from headrace.schemas.topics import Topic
from headrace.streams.routing.rule import Rule
from headrace.streams.routing.rule_table import Publication, message

Change = Literal["new", "changed", "same", "removed", "not in the folder"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of each rule, by its name; `texts` are those of the folder."""

    changes: Mapping[str, Change]
    texts: Mapping[str, str]
    wanted: tuple[Rule, ...]

    def moving(self) -> list[str]:
        """Name the rules that change."""
        return [name for name, change in self.changes.items() if change in ("new", "changed", "removed")]


def plan(folder: str, in_force: Mapping[str, str], prune: bool) -> Plan:
    """Compare a folder with what is in force, given by names and versions. Raises `BadRule` for one of no use."""
    wanted = targets.rules(folder)
    for rule in wanted:
        targets.opened(rule)
    changes: dict[str, Change] = {}
    for rule in wanted:
        known = in_force.get(rule.name)
        changes[rule.name] = "new" if known is None else "same" if known == rule.version else "changed"
    for name in sorted(in_force.keys() - changes.keys()):
        changes[name] = "removed" if prune else "not in the folder"
    texts = {rule.name: (Path(folder) / f"{rule.name}.toml").read_text("utf-8") for rule in wanted}
    return Plan(changes, texts, wanted)


def execute(cluster: Cluster, planned: Plan) -> None:
    """Make the topics that new rules need, then put what changes in force."""
    needed: list[Topic] = [topics.RULES]
    for rule in planned.wanted:
        needed += [topics.retry(rule.stage_name), topics.dead_letters(rule.stage_name)]
    cluster.create(needed)
    by, at = operator(), timestamp(datetime.now(UTC))
    cluster.write([message(Publication(name, planned.texts.get(name), by, at)) for name in planned.moving()])
