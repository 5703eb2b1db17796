"""Static checks of rules: missing patterns, duplicates and cycles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import orjson

from headrace.streams.routing.rule import Rule


def warnings(rules: Sequence[Rule]) -> Iterator[str]:
    """Yield one line per likely mistake."""
    enabled = [rule for rule in rules if rule.enabled]
    for rule in enabled:
        if not rule.pattern:
            yield f"{rule.name}: no pattern, so it matches every event of {', '.join(rule.reads)}"
    delivering = [rule for rule in enabled if not rule.shadow]
    for one, other in combinations(delivering, 2):
        shared = [topic for topic in one.reads if topic in other.reads]
        same_place = (one.target.kind, one.target.address) == (other.target.kind, other.target.address)
        if shared and same_place and _text(one) == _text(other):
            both = f"{one.name} and {other.name}: same pattern on {', '.join(shared)} and same target"
            yield f"{both}; matching events are delivered twice"
    yield from _cycles(delivering)


def _cycles(rules: Sequence[Rule]) -> Iterator[str]:
    """Find rules whose target topics lead back to a topic that they read."""
    writes = {rule.name: rule.target.address for rule in rules if rule.target.kind == "topic"}
    readers = {topic: [rule.name for rule in rules if topic in rule.reads] for topic in writes.values()}

    def cycle_from(name: str, path: tuple[str, ...]) -> tuple[str, ...] | None:
        for reader in readers.get(writes.get(name, ""), ()):
            if reader == path[0]:
                return path
            if reader not in path and (cycle := cycle_from(reader, (*path, reader))):
                return cycle
        return None

    seen: set[frozenset[str]] = set()
    for name in writes:
        path = cycle_from(name, (name,))
        if path and frozenset(path) not in seen:
            seen.add(frozenset(path))
            yield f"{' -> '.join((*path, path[0]))}: cycle: a record may be delivered endlessly"


def _text(rule: Rule) -> bytes:
    return orjson.dumps(rule.pattern, option=orjson.OPT_SORT_KEYS)
