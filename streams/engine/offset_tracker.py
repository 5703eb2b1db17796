"""The commit rule: commit the lowest unfinished offset, in any order of completion."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from typing import Literal, NamedTuple

from headrace.streams.engine.account import Account, OutcomeCount

GapKind = Literal["absent", "lost"]


class _Gap(NamedTuple):
    """Offsets up to `end` that were not delivered."""

    end: int
    width: int
    kind: GapKind


class OffsetTracker:
    """Tracks the unfinished records, the next offset and the outcomes of one assignment of a partition.

    After a rebalance the partition gets a new tracker, so records of the old assignment cannot move the new offset.
    Only delivered records are tracked. Gaps in the offsets are counted: as lost where the broker deleted records, else
    as absent (compaction, transaction markers).
    """

    __slots__ = ("_account", "_counted", "_ended", "_gaps", "_newest", "_open", "_position")

    def __init__(self, position: int, account: Account | None = None) -> None:
        self._open: dict[int, float] = {}
        self._position = position
        self._account = account or Account(start=position)
        self._counted = position
        self._ended: dict[int, OutcomeCount] = {}
        self._gaps: deque[_Gap] = deque()
        self._newest = 0.0

    def add(self, records: Iterable[tuple[int, float]]) -> None:
        """Add delivered records as (offset, broker timestamp) pairs, in the order of their offsets."""
        before, begin = len(self._open), self._position
        self._open.update(records)
        added = len(self._open) - before
        if added > 0:
            self._position = next(reversed(self._open)) + 1
            if self._position - begin != added:
                self._count_absent(begin, added)

    def lose(self, until: int) -> int:
        """Move the position to `until`: the broker has deleted the records below. Return their number."""
        width = until - self._position
        if width <= 0:
            return 0
        self._gaps.append(_Gap(until, width, "lost"))
        self._position = until
        return width

    def complete(self, offset: int, outcome: OutcomeCount = "done") -> None:
        """Remove a record whose outcome is durable.

        Raises:
            KeyError: the record is not tracked.
        """
        time = self._open.pop(offset)
        self._ended[offset] = outcome
        if time > self._newest:
            self._newest = time

    @property
    def position(self) -> int:
        """The next offset to be delivered."""
        return self._position

    @property
    def unfinished(self) -> int:
        """The number of delivered records without a durable outcome."""
        return len(self._open)

    def oldest_time(self) -> float | None:
        """Return the broker timestamp of the lowest unfinished record in seconds; None when all are finished."""
        return next(iter(self._open.values()), None)

    def committable(self) -> int:
        """Return the offset at which a restart loses no record."""
        return next(iter(self._open)) if self._open else self._position

    def account(self) -> Account:
        """Return the outcomes of all records below the committable offset."""
        committable = self.committable()
        if committable == self._counted:
            return self._account
        self._counted = committable
        ended = [offset for offset in self._ended if offset < committable]
        counts: Counter[str] = Counter(self._ended.pop(offset) for offset in ended)
        while self._gaps and self._gaps[0].end <= committable:
            gap = self._gaps.popleft()
            counts[gap.kind] += gap.width
        if counts:
            self._account = self._account.plus(self._newest, **counts)
        return self._account

    def _count_absent(self, begin: int, added: int) -> None:
        """Count the offsets between delivered records that hold none. Rare, so that `add` need not look."""
        expected = begin
        for offset in list(self._open)[-added:]:
            if offset > expected:
                self._gaps.append(_Gap(offset, offset - expected, "absent"))
            expected = offset + 1
