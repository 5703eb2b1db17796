"""Messages between their receipt and their end: how many there are, and what became of them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from headrace.connectors.bridge.queue import Delivery, Queue

Ending = Literal["translated", "refused", "ignored", "left"]
"""How a message ends. All but `left` are deleted; that one comes back."""


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


class Line:
    """Messages that end in the order they came: one message, or those of one FIFO group in one receipt.

    Behind a message that is left, all others are left as well: they would overtake it.
    """

    __slots__ = ("_broken", "_flights")

    def __init__(self) -> None:
        self._flights: deque[Flight] = deque()
        self._broken = False

    def add(self, flight: Flight) -> None:
        """Stand at the end."""
        self._flights.append(flight)

    def advance(self) -> list[Flight]:
        """Give the messages whose ending is certain by now."""
        over = []
        while self._flights and self._flights[0].ending is not None:
            flight = self._flights.popleft()
            if self._broken:
                flight.ending = "left"
            self._broken = flight.ending == "left"
            over.append(flight)
        return over


class Flight:
    """One message in flight."""

    __slots__ = ("certain", "delivery", "ending", "failed", "hidden_until", "line", "records", "source", "waiting")

    def __init__(self, source: Source, delivery: Delivery, line: Line, now: float) -> None:
        self.source = source
        self.delivery = delivery
        self.line = line
        self.hidden_until = now + source.hidden_seconds
        self.ending: Ending | None = None
        self.certain = False
        self.failed = False
        self.records = 0
        self.waiting = 0
        line.add(self)


class Heard(NamedTuple):
    """The broker has one of a message's records, or will never have it; the last record decides how it ends."""

    flight: Flight
    ending: Ending
    good: bool


class Airspace:
    """All messages in flight, at most so many, and the counts. `landed` is told of those that may be deleted."""

    def __init__(self, limit: int, landed: Callable[[Sequence[Flight]], None]) -> None:
        self._limit = limit
        self._landed = landed
        self._flights: dict[int, Flight] = {}
        self._reserved = 0
        self._changed = threading.Condition()
        self._closed = False
        self.counts = Counts()

    def reserve(self, seats: int) -> bool:
        """Wait until so many more may be received; False when nothing more is to be."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._taken() + seats <= self._limit)
            self._reserved += 0 if self._closed else seats
            return not self._closed

    def enter(self, source: Source, deliveries: Sequence[Delivery], seats: int, now: float) -> list[Flight]:
        """Take note of messages that were received for `seats` reserved ones. None are taken any more once closed."""
        lines: dict[str, Line] = {}
        with self._changed:
            self._reserved -= seats
            self._changed.notify_all()
            if self._closed:
                return []
            flights = [
                Flight(source, each, lines.setdefault(each.group, Line()) if each.group else Line(), now)
                for each in deliveries
            ]
            self.counts.received += len(flights)
            self._flights.update((id(flight), flight) for flight in flights)
            return flights

    def await_records(self, flight: Flight, records: int) -> None:
        """Note how many acknowledgements the message waits for, before any of them can come."""
        flight.waiting = flight.records = records

    def acknowledged(self, heard: Iterable[Heard]) -> None:
        """Note what was heard of records, all at once: to take turns for each is what slows threads down."""
        over: list[Flight] = []
        with self._changed:
            for flight, ending, good in heard:
                flight.waiting -= 1
                flight.failed = flight.failed or not good
                if not flight.waiting:
                    over += self._over(flight, "left" if flight.failed else ending)
        self._land(over)

    def end(self, flight: Flight, ending: Ending) -> None:
        """Decide how a message ends. One that was given up before stays left."""
        with self._changed:
            over = self._over(flight, ending)
        self._land(over)

    def leave(self, flights: Iterable[Flight], deleted: bool) -> None:
        """Forget messages that have ended."""
        with self._changed:
            for flight in flights:
                if self._flights.pop(id(flight), None) is not None:
                    self.counts.deleted += deleted
            self._changed.notify_all()

    def close(self) -> None:
        """Let nothing more in."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def empty(self, seconds: float) -> None:
        """Wait until all have left, so long at most; what is uncertain then is left to come back."""
        with self._changed:
            self._changed.wait_for(lambda: not self._flights, seconds)
            self.counts.left += sum(not flight.certain for flight in self._flights.values())
            self._flights.clear()

    def snapshot(self) -> list[Flight]:
        """List the messages in flight, the oldest first."""
        with self._changed:
            return list(self._flights.values())

    def _over(self, flight: Flight, ending: Ending) -> list[Flight]:
        """Take note of an ending, and give the messages whose ending is certain by it."""
        if id(flight) not in self._flights:
            return []
        flight.ending = ending
        over = flight.line.advance()
        for each in over:
            self._count(each)
        return over

    def _land(self, over: Iterable[Flight]) -> None:
        landed = [each for each in over if each.ending != "left"]
        if landed:
            self._landed(landed)

    def _taken(self) -> int:
        return len(self._flights) + self._reserved

    def _count(self, flight: Flight) -> None:
        """Count an ending that has become certain."""
        flight.certain = True
        ending = flight.ending or "left"
        setattr(self.counts, ending, getattr(self.counts, ending) + 1)
        if ending == "left":
            del self._flights[id(flight)]
            self._changed.notify_all()
        else:
            self.counts.records += flight.records
