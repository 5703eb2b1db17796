"""Pair candidate rules with active rules. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Literal

from headrace.console.routing.apply import RuleDiff
from headrace.streams.routing.rule import TOPIC, Rule

PairChange = RuleDiff | Literal["renamed"]

STAYS: RuleDiff = "not in the folder"

_IDENTITY = ("name", "version", "matcher")
"""Fields of a rule that are no setting of its file."""


@dataclass(frozen=True, slots=True)
class RulePair:
    """A rule as it is active and as it would be; None where it does not exist."""

    active: Rule | None
    candidate: Rule | None
    change: PairChange

    @property
    def name(self) -> str:
        """The name of the candidate, or else of the active rule."""
        rule = self.candidate or self.active
        assert rule is not None
        return rule.name

    @property
    def changed_settings(self) -> tuple[str, ...]:
        """The settings that differ between both rules."""
        one, other = self.active, self.candidate
        if one is None or other is None:
            return ()
        names = [each.name for each in fields(Rule) if each.name not in _IDENTITY]
        return tuple(name for name in names if getattr(one, name) != getattr(other, name))

    @property
    def payload(self) -> Literal["same", "elsewhere", "compare"]:
        """How a record that both rules match is delivered: unchanged, to another target, or as its payloads say."""
        if self.active is None or self.candidate is None:
            return "same"
        one, other = self.active.target, self.candidate.target
        if (one.kind, one.address, one.settings) != (other.kind, other.address, other.settings):
            return "elsewhere"
        return "same" if one.kind == TOPIC or one.input == other.input else "compare"


def pair_rules(active: Sequence[Rule], candidates: Sequence[Rule], prune: bool) -> tuple[RulePair, ...]:
    """Pair the rules by name, and renamed rules by their pattern and target.

    Active rules that no candidate replaces stay active, or are removed with `prune`.
    """
    by_name = {rule.name: rule for rule in active}
    left = {name: rule for name, rule in by_name.items() if name not in {each.name for each in candidates}}
    pairs = []
    for candidate in candidates:
        before = by_name.get(candidate.name)
        if before is not None:
            change: PairChange = "same" if before.version == candidate.version else "changed"
        elif (before := _renamed(candidate, left.values())) is not None:
            del left[before.name]
            change = "renamed"
        else:
            change = "new"
        pairs.append(RulePair(before, candidate, change))
    others = [RulePair(rule, None, "removed") if prune else RulePair(rule, rule, STAYS) for rule in left.values()]
    return (*pairs, *others)


def _renamed(candidate: Rule, left: Iterable[Rule]) -> Rule | None:
    """Return the active rule without a candidate that has the same pattern, topics and target."""
    return next((rule for rule in left if _content(rule) == _content(candidate)), None)


def _content(rule: Rule) -> object:
    return rule.reads, rule.pattern, rule.target
