"""What can be said of rules without an event: too wide, the same as another, a circle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import orjson

from headrace.streams.routing.rule import Rule


def warnings(rules: Sequence[Rule]) -> Iterator[str]:
    """Say what is likely to be wrong, a line each."""
    enabled = [rule for rule in rules if rule.enabled]
    for rule in enabled:
        if not rule.pattern:
            yield f"{rule.name}: has no pattern, so it takes everything from {', '.join(rule.reads)}"
    for one, other in combinations(enabled, 2):
        shared = [topic for topic in one.reads if topic in other.reads]
        same_place = (one.target.kind, one.target.address) == (other.target.kind, other.target.address)
        if shared and same_place and _text(one) == _text(other):
            both = f"{one.name} and {other.name}: the same pattern over {', '.join(shared)} to the same target"
            yield f"{both}: it is sent twice"
    yield from _cycles(enabled)


def _cycles(rules: Sequence[Rule]) -> Iterator[str]:
    """Follow the topics that rules write: one that comes back to where it began may go round for ever."""
    writes = {rule.name: rule.target.address for rule in rules if rule.target.kind == "topic"}
    readers = {topic: [rule.name for rule in rules if topic in rule.reads] for topic in writes.values()}

    def back(name: str, way: tuple[str, ...]) -> tuple[str, ...] | None:
        for reader in readers.get(writes.get(name, ""), ()):
            if reader == way[0]:
                return way
            if reader not in way and (found := back(reader, (*way, reader))):
                return found
        return None

    seen: set[frozenset[str]] = set()
    for name in writes:
        way = back(name, (name,))
        if way and frozenset(way) not in seen:
            seen.add(frozenset(way))
            yield f"{' -> '.join((*way, way[0]))}: writes what it reads, so that a record may go round for ever"


def _text(rule: Rule) -> bytes:
    return orjson.dumps(rule.pattern, option=orjson.OPT_SORT_KEYS)
