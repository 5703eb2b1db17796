"""Deduplication for the webhook."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable


class DedupCache:
    """Remember ids for a number of seconds, up to a maximum; evicts the oldest first."""

    def __init__(self, seconds: float, most: int, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._seen: OrderedDict[str, float] = OrderedDict()

    def __contains__(self, id_: str) -> bool:
        self._forget()
        return id_ in self._seen

    def add(self, id_: str) -> None:
        """Add an id."""
        self._seen.pop(id_, None)
        self._seen[id_] = self._clock()
        self._forget()

    def _forget(self) -> None:
        """Evict expired and surplus ids. Ids are in insertion order, so the oldest is first."""
        since = self._clock() - self._seconds
        while self._seen:
            if len(self._seen) <= self._most and self._seen[next(iter(self._seen))] >= since:
                return
            self._seen.popitem(last=False)
