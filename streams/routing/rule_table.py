"""The active rules, read from the compacted topic `system.rules`, whose key is the rule's name.

Every change is validated before it takes effect. An invalid rule is skipped and logged, and the previous version of the
rule stays active.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import replace

import msgspec

from headrace.schemas import topics
from headrace.schemas.cloudevents import Headers
from headrace.schemas.kafka.topic_follower import SkippedRecord
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.parsing import parse_struct
from headrace.schemas.settings import SettingsError
from headrace.streams.engine import metrics
from headrace.streams.handlers import Transform
from headrace.streams.routing.rule import Rule, read_text
from headrace.streams.routing.rule_stage import ActiveRule, SendDelivery, reloadable_rule_stage
from headrace.streams.stage import Stage

BuildStage = Callable[[Rule], SendDelivery | None]
"""Opens the connection to a rule's target. Raises `InvalidRuleError` for an invalid target."""


class RejectedRuleError(ValueError):
    """A record of `system.rules` is not a valid change."""


class RuleChange(msgspec.Struct, frozen=True):
    """A change of a rule: its TOML text, or None to remove it, with the operator and the time (RFC 3339)."""

    name: str
    text: str | None
    by: str
    at: str


def message(change: RuleChange) -> ProducerRecord:
    """Return the record that publishes a rule change."""
    return ProducerRecord(topics.RULES.name, change.name.encode(), msgspec.json.encode(change))


class RuleTable:
    """The active rules by name. Thread-safe."""

    def __init__(self, build: BuildStage, sinks: Collection[str]) -> None:
        """`sinks` are the names of the sink kinds."""
        self._build = build
        self._sinks = sinks
        self._lock = threading.Lock()
        self._active: dict[str, ActiveRule] = {}
        self.rejected: tuple[SkippedRecord, ...] = ()
        """Records that were not valid changes when the table was read."""
        self.revision = 0
        """The number of changes applied."""
        self.log_changes = False
        """Whether changes are logged."""

    def take(self, value: bytes, _: Headers = ()) -> None:
        """Apply the change in a record.

        Raises:
            RejectedRuleError: the record is not a valid change; the previous version of the rule stays active.
        """
        try:
            change = parse_struct(value, RuleChange)
            rule = _opened(change, self._build, self._sinks)
        except (SettingsError, ValueError, RecursionError) as error:
            raise RejectedRuleError(f"{error}; the previous version stays active") from error
        with self._lock:
            before = self._active.pop(change.name, None)
            if rule is not None:
                self._active[change.name] = rule
            self.revision += 1
        version = rule.rule.version if rule else "none"
        if self.log_changes and (before is None or before.rule.version != version):
            metrics.log.info("rule_activated", rule=change.name, version=version, operator=change.by)

    def rules(self) -> tuple[Rule, ...]:
        """Return every active rule, sorted by name."""
        with self._lock:
            return tuple(self._active[name].rule for name in sorted(self._active))

    def stages(self) -> tuple[Stage, ...]:
        """Return a stage for each enabled rule. The stage follows later changes, except of the topics it reads."""
        return tuple(self._stage(rule) for rule in self.rules() if rule.enabled)

    def _stage(self, rule: Rule) -> Stage:
        return reloadable_rule_stage(rule, lambda: self._active.get(rule.name))


def _opened(change: RuleChange, build: BuildStage, sinks: Collection[str]) -> ActiveRule | None:
    if change.text is None:
        return None
    rule = read_text(change.name, change.text, sinks)
    return ActiveRule(rule, build(rule) if rule.enabled else None)


def can_reuse_stage(running: Stage, new: Stage) -> bool:
    """Return whether two stages differ only in the rule they apply, so that the running one can stay."""
    return replace(running, handler=_UNUSED) == replace(new, handler=_UNUSED)


async def _never(*_: object) -> None: ...


_UNUSED = Transform(_never)
