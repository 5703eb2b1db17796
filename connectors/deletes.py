"""Deletes messages that have landed, ten at a time or once a second: single deletes are what slows bridges down."""

from __future__ import annotations

import queue
import threading
from collections import defaultdict
from collections.abc import Callable

import structlog

from connectors.aws import BATCH, Queue, QueueUnavailable
from connectors.flight import Flight

WAIT_SECONDS = 1.0
TRIES = 3

log = structlog.get_logger("headrace")


class Deletes:
    """A thread that deletes what it is given. `done` is called for each message, with whether it is gone."""

    def __init__(self, done: Callable[[Flight, bool], None]) -> None:
        self._done = done
        self._waiting: queue.SimpleQueue[Flight | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="deletes", daemon=True)
        self._thread.start()

    def put(self, flight: Flight) -> None:
        """Delete this message soon."""
        self._waiting.put(flight)

    def close(self, seconds: float) -> None:
        """Delete what was given, and end."""
        self._waiting.put(None)
        self._thread.join(seconds)

    def _work(self) -> None:
        going_on = True
        while going_on:
            batch, going_on = self._batch()
            for sqs, flights in batch.items():
                for begin in range(0, len(flights), BATCH):
                    self._delete(sqs, flights[begin : begin + BATCH])

    def _batch(self) -> tuple[dict[Queue, list[Flight]], bool]:
        """Collect for a second at most, or until a queue's batch is full."""
        found: dict[Queue, list[Flight]] = defaultdict(list)
        try:
            flight = self._waiting.get()
            while flight is not None:
                found[flight.source.queue].append(flight)
                if len(found[flight.source.queue]) >= BATCH:
                    return found, True
                flight = self._waiting.get(timeout=WAIT_SECONDS)
        except queue.Empty:
            return found, True
        return found, False

    def _delete(self, sqs: Queue, flights: list[Flight]) -> None:
        left = {flight.delivery: flight for flight in flights}
        for _ in range(TRIES):
            try:
                rejected = sqs.delete(list(left))
            except QueueUnavailable as error:
                log.warning("not deleted", queue=sqs.url, messages=len(left), why=str(error))
                continue
            refused = {each.delivery for each in rejected}
            for delivery in [each for each in left if each not in refused]:
                self._done(left.pop(delivery), True)
            for each in rejected:
                if each.gone:
                    log.warning("receipt expired", queue=sqs.url, message=each.delivery.id, why=each.why)
                    self._done(left.pop(each.delivery), False)
            if not left:
                return
        # They come back when they are visible again; their records keep the same ids.
        for flight in left.values():
            self._done(flight, False)
