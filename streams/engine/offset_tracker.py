"""The safe commit rule: what is committed is the lowest unfinished offset, whatever order work ends in."""

from __future__ import annotations

from collections.abc import Iterable


class OffsetTracker:
    """The state of one assigned partition: which delivered records are unfinished, and what comes next.

    A mark lives as long as one assignment. After a rebalance the partition gets a new one, so that work which
    was begun under the old assignment cannot move the new one's offset. Gaps in the offsets (compaction,
    transaction markers) need no bookkeeping: a mark knows only what was delivered.
    """

    __slots__ = ("_open", "_position")

    def __init__(self, position: int) -> None:
        self._open: dict[int, float] = {}
        self._position = position

    def add(self, records: Iterable[tuple[int, float]]) -> None:
        """Note records that were delivered, by offset and the broker's time, in the order of their offsets."""
        before = len(self._open)
        self._open.update(records)
        if len(self._open) > before:
            self._position = next(reversed(self._open)) + 1

    def complete(self, offset: int) -> None:
        """Note that a record's outcome is durable. Raises KeyError for one that is not open."""
        del self._open[offset]

    @property
    def position(self) -> int:
        """The next offset to be delivered."""
        return self._position

    @property
    def unfinished(self) -> int:
        """How many delivered records have no durable outcome yet."""
        return len(self._open)

    def oldest_time(self) -> float | None:
        """The broker's time of the lowest unfinished record, in seconds; None when all are finished."""
        return next(iter(self._open.values()), None)

    def committable(self) -> int:
        """The offset that a restart may begin at without losing a record."""
        return next(iter(self._open)) if self._open else self._position
