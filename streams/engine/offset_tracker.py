"""The commit rule: commit the lowest unfinished offset, in any order of completion."""

from __future__ import annotations

from collections.abc import Iterable


class OffsetTracker:
    """Tracks the unfinished records and the next offset of one assignment of a partition.

    After a rebalance the partition gets a new tracker, so records of the old assignment cannot move the new offset.
    Gaps in the offsets (compaction, transaction markers) need no bookkeeping: only delivered records are tracked.
    """

    __slots__ = ("_open", "_position")

    def __init__(self, position: int) -> None:
        self._open: dict[int, float] = {}
        self._position = position

    def add(self, records: Iterable[tuple[int, float]]) -> None:
        """Add delivered records as (offset, broker timestamp) pairs, in the order of their offsets."""
        before = len(self._open)
        self._open.update(records)
        if len(self._open) > before:
            self._position = next(reversed(self._open)) + 1

    def complete(self, offset: int) -> None:
        """Remove a record whose outcome is durable.

        Raises:
            KeyError: the record is not tracked.
        """
        del self._open[offset]

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
