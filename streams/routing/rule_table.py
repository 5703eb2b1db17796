"""The rules that are in force, as the compacted topic `system.rules` tells: key = the rule's name.

What comes is checked before it takes effect. A rule that cannot be used is said and left out, and the one that was in
force before stays.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import msgspec

from headrace.schemas import topics
from headrace.schemas.cloudevents import Headers
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.settings import SettingsError
from headrace.streams.engine import metrics
from headrace.streams.routing.rule import Rule, read_text
from headrace.streams.routing.rule_stage import ActiveRule, SendDelivery, reloadable_rule_stage
from headrace.streams.stage import Stage

BuildStage = Callable[[Rule], SendDelivery | None]
"""Opens what reaches a rule's target. Raises `BadRule` for one that cannot be used."""


class RuleChange(msgspec.Struct, frozen=True):
    """A rule that somebody put in force: its text as in a file, None to take it away; by whom, and when (RFC 3339)."""

    name: str
    text: str | None
    by: str
    at: str


def message(said: RuleChange) -> ProducerRecord:
    """Address a rule."""
    return ProducerRecord(topics.RULES.name, said.name.encode(), msgspec.json.encode(said))


class RuleTable:
    """The rules in force, by name. Safe from any thread."""

    def __init__(self, build: BuildStage) -> None:
        self._build = build
        self._lock = threading.Lock()
        self._in_force: dict[str, ActiveRule] = {}
        self.revision = 0
        """How many changes there were."""
        self.tells = False
        """Whether what changes is logged."""

    def take(self, value: bytes, _: Headers = ()) -> None:
        """Put what a record says in force, if it can be. Never raises."""
        try:
            said = msgspec.json.decode(value, type=RuleChange)
            found = _opened(said, self._build)
        except (msgspec.MsgspecError, SettingsError, ValueError) as error:
            metrics.log.error("rule refused", why=str(error), then="what was in force before stays")
            return
        with self._lock:
            before = self._in_force.pop(said.name, None)
            if found is not None:
                self._in_force[said.name] = found
            self.revision += 1
        version = found.rule.version if found else "none"
        if self.tells and (before is None or before.rule.version != version):
            metrics.log.info("rule in force", rule=said.name, version=version, by=said.by)

    def rules(self) -> tuple[Rule, ...]:
        """Give every rule, in the order of their names."""
        with self._lock:
            return tuple(self._in_force[name].rule for name in sorted(self._in_force))

    def stages(self) -> tuple[Stage, ...]:
        """Give a stage for each rule that is enabled. It follows what the rule becomes, but for what it reads."""
        return tuple(self._stage(rule) for rule in self.rules() if rule.enabled)

    def _stage(self, rule: Rule) -> Stage:
        return reloadable_rule_stage(rule, lambda: self._in_force.get(rule.name))


def _opened(said: RuleChange, build: BuildStage) -> ActiveRule | None:
    if said.text is None:
        return None
    rule = read_text(said.name, said.text)
    return ActiveRule(rule, build(rule) if rule.enabled else None)


def can_reuse_stage(one: Stage, other: Stage) -> bool:
    """Whether a stage that runs can go on for another: what it reads, and how, is the same."""
    return replace(one, route=None, run=_never) == replace(other, route=None, run=_never)


async def _never(*_: object) -> None:
    """Nothing: only the rest of a stage is compared."""
