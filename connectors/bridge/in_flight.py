"""Messages between their receipt and their end: how many there are, and what became of them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from headrace.connectors.bridge.queue import SqsMessage, SqsQueue

MessageOutcome = Literal["parsed", "rejected", "ignored", "returned"]
"""How a message ends. All but `left` are deleted; that one comes back."""


@dataclass(slots=True)
class BridgeCounts:
    """What became of messages: received = parsed + rejected + ignored + returned, once nothing is in flight."""

    received: int = 0
    parsed: int = 0
    rejected: int = 0
    ignored: int = 0
    returned: int = 0
    deleted: int = 0
    records: int = 0


@dataclass(frozen=True, slots=True)
class QueueSourceState:
    """A queue, and how long its messages stay hidden once they were handed out."""

    queue: SqsQueue
    visibility_timeout: int


class FifoGroup:
    """Messages that end in the order they came: one message, or those of one FIFO group in one receipt.

    Behind a message that is left, all others are left as well: they would overtake it.
    """

    __slots__ = ("_broken", "_flights")

    def __init__(self) -> None:
        self._flights: deque[InFlightMessage] = deque()
        self._broken = False

    def add(self, flight: InFlightMessage) -> None:
        """Stand at the end."""
        self._flights.append(flight)

    def advance(self) -> list[InFlightMessage]:
        """Give the messages whose ending is certain by now."""
        over = []
        while self._flights and self._flights[0].ending is not None:
            flight = self._flights.popleft()
            if self._broken:
                flight.ending = "returned"
            self._broken = flight.ending == "returned"
            over.append(flight)
        return over


class InFlightMessage:
    """One message in flight."""

    __slots__ = ("delivery", "ending", "failed", "fifo_group", "records", "settled", "source", "visible_at", "waiting")

    def __init__(self, source: QueueSourceState, delivery: SqsMessage, line: FifoGroup, now: float) -> None:
        self.source = source
        self.delivery = delivery
        self.fifo_group = line
        self.visible_at = now + source.visibility_timeout
        self.ending: MessageOutcome | None = None
        self.settled = False
        self.failed = False
        self.records = 0
        self.waiting = 0
        line.add(self)


class DeliveryReport(NamedTuple):
    """The broker has one of a message's records, or will never have it; the last record decides how it ends."""

    message: InFlightMessage
    ending: MessageOutcome
    acknowledged: bool


class InFlightMessages:
    """All messages in flight, at most so many, and the counts. `landed` is told of those that may be deleted."""

    def __init__(self, limit: int, landed: Callable[[Sequence[InFlightMessage]], None]) -> None:
        self._limit = limit
        self._landed = landed
        self._flights: dict[int, InFlightMessage] = {}
        self._reserved = 0
        self._changed = threading.Condition()
        self._closed = False
        self.counts = BridgeCounts()

    def reserve(self, seats: int) -> bool:
        """Wait until so many more may be received; False when nothing more is to be."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._taken() + seats <= self._limit)
            self._reserved += 0 if self._closed else seats
            return not self._closed

    def add(
        self, source: QueueSourceState, deliveries: Sequence[SqsMessage], seats: int, now: float
    ) -> list[InFlightMessage]:
        """Take note of messages that were received for `seats` reserved ones. None are taken any more once closed."""
        lines: dict[str, FifoGroup] = {}
        with self._changed:
            self._reserved -= seats
            self._changed.notify_all()
            if self._closed:
                return []
            flights = [
                InFlightMessage(
                    source, each, lines.setdefault(each.group, FifoGroup()) if each.group else FifoGroup(), now
                )
                for each in deliveries
            ]
            self.counts.received += len(flights)
            self._flights.update((id(flight), flight) for flight in flights)
            return flights

    def await_records(self, flight: InFlightMessage, records: int) -> None:
        """Note how many acknowledgements the message waits for, before any of them can come."""
        flight.waiting = flight.records = records

    def acknowledged(self, heard: Iterable[DeliveryReport]) -> None:
        """Note what was heard of records, all at once: to take turns for each is what slows threads down."""
        over: list[InFlightMessage] = []
        with self._changed:
            for flight, ending, good in heard:
                flight.waiting -= 1
                flight.failed = flight.failed or not good
                if not flight.waiting:
                    over += self._over(flight, "returned" if flight.failed else ending)
        self._land(over)

    def end(self, flight: InFlightMessage, ending: MessageOutcome) -> None:
        """Decide how a message ends. One that was given up before stays left."""
        with self._changed:
            over = self._over(flight, ending)
        self._land(over)

    def remove(self, flights: Iterable[InFlightMessage], deleted: bool) -> None:
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
            self.counts.returned += sum(not flight.settled for flight in self._flights.values())
            self._flights.clear()

    def snapshot(self) -> list[InFlightMessage]:
        """List the messages in flight, the oldest first."""
        with self._changed:
            return list(self._flights.values())

    def _over(self, flight: InFlightMessage, ending: MessageOutcome) -> list[InFlightMessage]:
        """Take note of an ending, and give the messages whose ending is certain by it."""
        if id(flight) not in self._flights:
            return []
        flight.ending = ending
        over = flight.fifo_group.advance()
        for each in over:
            self._count(each)
        return over

    def _land(self, over: Iterable[InFlightMessage]) -> None:
        landed = [each for each in over if each.ending != "returned"]
        if landed:
            self._landed(landed)

    def _taken(self) -> int:
        return len(self._flights) + self._reserved

    def _count(self, flight: InFlightMessage) -> None:
        """Count an ending that has become certain."""
        flight.settled = True
        ending = flight.ending or "returned"
        setattr(self.counts, ending, getattr(self.counts, ending) + 1)
        if ending == "returned":
            del self._flights[id(flight)]
            self._changed.notify_all()
        else:
            self.counts.records += flight.records
