"""Evaluate pairs of rules on records and count what differs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeGuard

from headrace.console.routing.history.pairs import RulePair
from headrace.console.routing.history.payloads import event_of, payloads
from headrace.console.routing.history.tally import Comparison, Tally
from headrace.schemas.cloudevents import InvalidEventError
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.parsing import parse_int
from headrace.schemas.serde.codec import Codec, DecodeError
from headrace.streams.routing.event_matcher import EventMatcher
from headrace.streams.routing.rule import Rule
from headrace.streams.rules import Pattern

MAX_CACHED_EFFECTS = 16_384
NEAR = "near:"

Effects = tuple[tuple[int, str], ...]
"""The tallies to which a record counts: the number of a pair, and the name of the tally."""


class RuleScan:
    """Evaluates pairs of rules on the records of the log."""

    def __init__(self, pairs: Sequence[RulePair], comparison: Comparison, codec: Codec) -> None:
        self._pairs = pairs
        self._comparison = comparison
        self._codec = codec
        self._matchers = {topic: EventMatcher(_patterns(pairs, topic), codec) for topic in comparison.topics}
        self._effects: dict[tuple[str, ...], Effects] = {}

    def take(self, records: Sequence[ConsumerRecord]) -> None:
        """Evaluate records of one partition, in their order. Raises `RegistryUnavailableError`."""
        topic, since = records[0].topic, self._comparison.since
        progress, match = self._comparison.topics[topic], self._matchers[topic].match
        found: defaultdict[tuple[str, ...], list[ConsumerRecord]] = defaultdict(list)
        for record in records:
            if record.timestamp < since:
                continue
            progress.read += 1
            try:
                found[match(record)].append(record)
            except (DecodeError, InvalidEventError) as error:
                progress.undecodable.add([record])
                progress.reason = str(error)
        for names, matching in found.items():
            self._count(names, matching)

    def _count(self, names: tuple[str, ...], records: Sequence[ConsumerRecord]) -> None:
        effects = self._effects.get(names)
        if effects is None:
            if len(self._effects) >= MAX_CACHED_EFFECTS:
                self._effects.clear()
            effects = self._effects[names] = _effects(names)
        for number, kind in effects:
            tallies = self._comparison.rules[number]
            tallies.setdefault(kind, Tally()).add(records)
            if kind == "kept" and (changed := self._changed(self._pairs[number], records)):
                tallies.setdefault("changed", Tally()).add(changed)

    def _changed(self, pair: RulePair, records: Sequence[ConsumerRecord]) -> Sequence[ConsumerRecord]:
        """Return the records of which both rules send different payloads, or to different targets."""
        if pair.payload == "same":
            return ()
        return records if pair.payload == "elsewhere" else [each for each in records if self._differs(pair, each)]

    def _differs(self, pair: RulePair, record: ConsumerRecord) -> bool:
        event = event_of(record, self._codec)
        if event is None:
            return False
        before, after = payloads(pair, record, event)
        return before != after


def _patterns(pairs: Sequence[RulePair], topic: str) -> dict[str, Pattern]:
    """Return the patterns that apply to a topic: `active/N`, `candidate/N`, and `near:PATH/N` of each candidate."""
    found: dict[str, Pattern] = {}
    for number, pair in enumerate(pairs):
        if _reads(pair.active, topic):
            found[f"active/{number}"] = pair.active.matcher
        if _reads(pair.candidate, topic):
            found[f"candidate/{number}"] = pair.candidate.matcher
            relaxed = pair.candidate.matcher.relaxed()
            found.update((f"{NEAR}{path}/{number}", pattern) for path, pattern in relaxed.items())
    return found


def _reads(rule: Rule | None, topic: str) -> TypeGuard[Rule]:
    return rule is not None and rule.enabled and topic in rule.reads


def _effects(names: tuple[str, ...]) -> Effects:
    by_pair: defaultdict[str, set[str]] = defaultdict(set)
    for name in names:
        kind, _, number = name.rpartition("/")
        by_pair[number].add(kind)
    return tuple((parse_int(number), kind) for number, kinds in by_pair.items() for kind in _kinds(kinds))


def _kinds(matched: set[str]) -> Iterable[str]:
    if "candidate" in matched:
        return ("kept",) if "active" in matched else ("gained",)
    return (*(("lost",) if "active" in matched else ()), *sorted(each for each in matched if each.startswith(NEAR)))
