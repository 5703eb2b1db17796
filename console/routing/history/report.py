"""What a comparison of rules found, with examples read back from the log."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.routing.history.pairs import PairChange, RulePair
from headrace.console.routing.history.payloads import event_of, payloads
from headrace.console.routing.history.scan import NEAR
from headrace.console.routing.history.tally import Comparison, Tally
from headrace.console.routing.pattern_test import describe_verdict
from headrace.schemas.cloudevents import timestamp
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.serde.codec import Codec
from headrace.streams.routing.rule import Rule

KINDS = ("gained", "lost", "changed")


@dataclass(frozen=True, slots=True)
class RoutingExample:
    """A record: its position, time and key, both payloads, and why a rule does not match it."""

    place: str
    at: str
    key: str
    before: str | None = None
    after: str | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class NearMisses:
    """Records that miss a candidate by the clause of one path."""

    path: str
    records: int
    examples: tuple[RoutingExample, ...]


@dataclass(frozen=True, slots=True)
class RuleComparison:
    """A rule, active and as candidate. `kept` counts records that both match, `changed` those sent differently."""

    name: str
    change: PairChange
    renamed_from: str
    state: str
    settings: tuple[str, ...]
    gained: int
    lost: int
    kept: int
    changed: int
    examples: Mapping[str, tuple[RoutingExample, ...]]
    near_misses: tuple[NearMisses, ...]


@dataclass(frozen=True, slots=True)
class TopicHistory:
    """The records of a topic. `begins` is the time of its first record, empty if it has none.

    The history is `complete` if no record since the requested time was deleted.
    """

    topic: str
    exists: bool
    records: int
    begins: str
    complete: bool
    undecodable: int
    reason: str
    undecodable_records: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HistoryReport:
    """The comparison of all rules since a time (RFC 3339)."""

    since: str
    topics: tuple[TopicHistory, ...]
    rules: tuple[RuleComparison, ...]


def build_report(log: KafkaAdmin, pairs: Sequence[RulePair], comparison: Comparison) -> HistoryReport:
    """Read the begin of each topic, and build the report. Raises `KafkaException`."""
    codec = log.codec()
    rules = [_rule(pair, tallies, codec) for pair, tallies in zip(pairs, comparison.rules, strict=True)]
    return HistoryReport(_time(comparison.since), tuple(_topics(log, comparison)), tuple(rules))


def _examples(pair: RulePair, kind: str, tally: Tally | None, codec: Codec) -> tuple[RoutingExample, ...]:
    """Return the examples of a tally, the newest first."""
    return tuple(_example(pair, kind, record, codec) for record in (tally.examples[::-1] if tally else ()))


def _example(pair: RulePair, kind: str, record: ConsumerRecord, codec: Codec) -> RoutingExample:
    event, place, key = event_of(record, codec), _place(record), (record.key or b"").decode(errors="replace")
    if event is None:
        return RoutingExample(place, _time(record.timestamp), key)
    before, after = payloads(pair, record, event)
    sent = (before if kind in ("lost", "changed") else None, after if kind in ("gained", "changed") else None)
    rule, name = (pair.active, "active rule") if kind == "gained" else (pair.candidate, "candidate")
    why = "" if kind == "changed" or rule is None else _why(rule, name, record.topic, event)
    return RoutingExample(place, _time(record.timestamp), key, *sent, why)


def _why(rule: Rule, name: str, topic: str, event: Mapping[str, Any]) -> str:
    """Explain why a rule does not route an event."""
    if not rule.enabled:
        return f"the {name} is disabled"
    if topic not in rule.reads:
        return f"the {name} does not read {topic}"
    miss = rule.matcher.explain(event)
    return describe_verdict(miss) if miss is not None else ""


def _rule(pair: RulePair, tallies: Mapping[str, Tally], codec: Codec) -> RuleComparison:
    counts = {kind: tallies[kind].count if kind in tallies else 0 for kind in (*KINDS, "kept")}
    near = [
        NearMisses(kind.removeprefix(NEAR), each.count, _examples(pair, kind, each, codec))
        for kind, each in tallies.items()
        if kind.startswith(NEAR)
    ]
    return RuleComparison(
        name=pair.name,
        change=pair.change,
        renamed_from=pair.active.name if pair.change == "renamed" and pair.active else "",
        state=pair.candidate.state if pair.candidate else "removed",
        settings=pair.changed_settings,
        examples={kind: _examples(pair, kind, tallies.get(kind), codec) for kind in KINDS},
        near_misses=tuple(sorted(near, key=lambda each: -each.records)),
        **counts,
    )


def _topics(log: KafkaAdmin, comparison: Comparison) -> list[TopicHistory]:
    spans = log.spans(list(comparison.topics))
    times = log.times({place: span.low for place, span in spans.items() if span.high > span.low})
    found = []
    for name, progress in comparison.topics.items():
        own = {place: span for place, span in spans.items() if place[0] == name}
        begins = {place: times[place] for place in own if place in times}
        expired = [place for place, span in own.items() if span.low and begins.get(place, math.inf) > comparison.since]
        found.append(
            TopicHistory(
                topic=name,
                exists=bool(own),
                records=progress.read,
                begins=_time(min(begins.values())) if begins else "",
                complete=not expired,
                undecodable=progress.undecodable.count,
                reason=progress.reason,
                undecodable_records=tuple(map(_place, progress.undecodable.examples)),
            )
        )
    return found


def _time(seconds: float) -> str:
    return timestamp(datetime.fromtimestamp(seconds, UTC))


def _place(record: ConsumerRecord) -> str:
    return f"{record.topic}/{record.partition}/{record.offset}"
