"""Recent events of topics in the format that rules match, to try patterns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from headrace.console.kafka.entry import open_record
from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.console.kafka.topic_reader import TopicReader
from headrace.streams.routing.event_format import to_eventbridge_event
from headrace.streams.rules import Mismatch, Pattern

MOST_EVENTS = 500
"""Events of all topics together, the newest."""


@dataclass(frozen=True, slots=True)
class RecentEvent:
    """An event with its position on the log, `topic/partition/offset`, and the time of its record."""

    place: str
    at: float
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PatternResult:
    """Events that match a pattern, and the others with the reason, closest first."""

    matches: tuple[RecentEvent, ...]
    misses: tuple[tuple[RecentEvent, Mismatch], ...]

    @property
    def near(self) -> tuple[tuple[RecentEvent, Mismatch], ...]:
        """The misses of which a clause matches."""
        return tuple((event, miss) for event, miss in self.misses if miss.matched_clauses)


def recent_events(log: TopicReader, names: Sequence[str], since: float) -> list[RecentEvent]:
    """Read the newest events of topics since a time in seconds since 1970, newest first. Unreadable ones are left out.

    Raises:
        CommandError: Kafka stopped answering.
    """
    spans = _newest(log.spans(names, since))
    if not any(span.high > span.low for span in spans.values()):
        return []
    codec = log.codec()
    found = []
    for record in chain.from_iterable(log.read(spans, values=True)):
        entry = open_record(record, codec)
        if entry.event is not None and entry.envelope is not None and record.timestamp >= since:
            document = to_eventbridge_event(record, entry.event, entry.envelope)
            found.append(RecentEvent(entry.place, record.timestamp, document))
    return sorted(found, key=lambda event: -event.at)[:MOST_EVENTS]


def try_pattern(pattern: Pattern, events: Iterable[RecentEvent]) -> PatternResult:
    """Test a pattern against events."""
    explained = [(event, pattern.explain(event.document)) for event in events]
    misses = [(event, miss) for event, miss in explained if miss is not None]
    misses.sort(key=lambda each: -each[1].nearness)
    return PatternResult(tuple(event for event, miss in explained if miss is None), tuple(misses))


def _newest(spans: Mapping[TopicAndPartition, OffsetRange]) -> dict[TopicAndPartition, OffsetRange]:
    """Limit each range to its newest records."""
    return {place: OffsetRange(max(span.low, span.high - MOST_EVENTS), span.high) for place, span in spans.items()}
