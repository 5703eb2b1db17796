"""The safe commit rule: what is committed is the lowest unfinished offset, whatever order work ends in."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable


class Mark:
    """The state of one assigned partition: which delivered records are unfinished, and what comes next.

    A mark lives as long as one assignment. After a rebalance the partition gets a new one, so that work which
    was begun under the old assignment cannot move the new one's offset. Gaps in the offsets (compaction,
    transaction markers) need no bookkeeping: a mark knows only what was delivered.
    """

    __slots__ = ("_open", "_position")

    def __init__(self, position: int | None = None) -> None:
        self._open: OrderedDict[int, None] = OrderedDict()
        self._position = position

    def opened(self, offsets: Iterable[int]) -> None:
        """Note records that were delivered, in the order of their offsets."""
        offset = None
        for offset in offsets:
            self._open[offset] = None
        if offset is not None:
            self._position = offset + 1

    def closed(self, offset: int) -> None:
        """Note that a record's outcome is durable. Raises KeyError for one that is not open."""
        del self._open[offset]

    @property
    def position(self) -> int | None:
        """The next offset to be delivered; None when nothing is known yet."""
        return self._position

    @property
    def unfinished(self) -> int:
        """How many delivered records have no durable outcome yet."""
        return len(self._open)

    def committable(self) -> int | None:
        """The offset that a restart may begin at without losing a record; None when nothing was delivered."""
        return next(iter(self._open)) if self._open else self._position
