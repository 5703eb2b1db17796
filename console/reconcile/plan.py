"""The plan of a reconciliation: counts and examples of each difference, and the objects to send."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, get_args

import msgspec

from headrace.connectors.backfill.listing import ListedObject
from headrace.console.reconcile.comparison import ComparedKey, ComparisonResult, DifferenceKind

EXAMPLES = 5
"""Keys of each difference that a plan shows."""

KINDS: tuple[DifferenceKind, ...] = get_args(DifferenceKind)


@dataclass(slots=True)
class ReconcilePlan:
    """Counts of all compared keys, bytes of the unaccepted objects, and some keys of each difference."""

    counts: Counter[ComparisonResult] = field(default_factory=Counter)
    size: int = 0
    examples: dict[DifferenceKind, list[str]] = field(default_factory=lambda: {kind: [] for kind in KINDS})

    def add(self, compared: ComparedKey) -> None:
        """Count a key."""
        self.counts[compared.result] += 1
        if compared.result == "unaccepted" and compared.listed is not None:
            self.size += compared.listed.size
        for kind in KINDS:
            if compared.result == kind and len(self.examples[kind]) < EXAMPLES:
                self.examples[kind].append(compared.key)


class ObjectSpool:
    """Objects in a temporary file: a plan may have millions."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def add(self, listed: ListedObject) -> None:
        """Append an object."""
        self._file.write(msgspec.json.encode(listed) + b"\n")

    def __iter__(self) -> Iterator[ListedObject]:
        """Read every object, in order."""
        self._file.seek(0)
        for line in self._file:
            yield msgspec.json.decode(line, type=ListedObject)


def planned(compared: Iterable[ComparedKey], spool: ObjectSpool) -> Iterator[ReconcilePlan]:
    """Write the unaccepted objects to a spool. Yields the plan so far after each key."""
    plan = ReconcilePlan()
    for each in compared:
        plan.add(each)
        if each.result == "unaccepted" and each.listed is not None:
            spool.add(each.listed)
        yield plan
