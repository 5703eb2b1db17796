"""Messages between their receipt and their deletion: how many there are, and what became of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from connectors.aws import Delivery, Queue


@dataclass(slots=True)
class Counts:
    """What became of messages: received = translated + refused + ignored + left, once nothing is in flight."""

    received: int = 0
    translated: int = 0
    refused: int = 0
    ignored: int = 0
    left: int = 0
    deleted: int = 0
    records: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """A queue, and how long its messages stay hidden once they were handed out."""

    queue: Queue
    hidden_seconds: int


class Flight:
    """One message: it has landed when every record of it is acknowledged, and only then may it be deleted."""

    __slots__ = ("_failed", "_landed", "_lock", "_waiting", "delivery", "hidden_until", "source")

    def __init__(self, source: Source, delivery: Delivery, now: float) -> None:
        self.source = source
        self.delivery = delivery
        self.hidden_until = now + source.hidden_seconds
        self._lock = threading.Lock()
        self._waiting = 0
        self._failed = False
        self._landed: Callable[[bool], None] | None = None

    def begin(self, records: int, landed: Callable[[bool], None]) -> None:
        """Wait for so many acknowledgements; `landed` is then called once, with whether all were good."""
        self._waiting, self._landed = records, landed

    def acknowledged(self, good: bool) -> None:
        """Note that the broker has one of the records, or that it will never have it."""
        with self._lock:
            self._waiting -= 1
            self._failed = self._failed or not good
            over = self._waiting == 0
        if over and self._landed is not None:
            self._landed(not self._failed)


class Airspace:
    """All messages in flight, at most so many, and the counts."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._flights: dict[int, Flight] = {}
        self._changed = threading.Condition()
        self._closed = False
        self.counts = Counts()

    def wait_for_room(self) -> bool:
        """Wait until more may be received; False when nothing more is to be."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._flights) < self._limit)
            return not self._closed

    def enter(self, flight: Flight) -> None:
        """Take note of a message that was received."""
        with self._changed:
            self.counts.received += 1
            self._flights[id(flight)] = flight

    def leave(self, flight: Flight) -> None:
        """Forget a message: it was deleted, or it is left to come back."""
        with self._changed:
            del self._flights[id(flight)]
            self._changed.notify_all()

    def close(self, seconds: float) -> int:
        """Let nothing more in, wait until all have left, and say how many have not."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._flights, seconds)
            return len(self._flights)

    def snapshot(self) -> list[Flight]:
        """List the messages in flight."""
        with self._changed:
            return list(self._flights.values())

    @contextmanager
    def counting(self) -> Iterator[Counts]:
        """Change the counts, one thread at a time."""
        with self._changed:
            yield self.counts
