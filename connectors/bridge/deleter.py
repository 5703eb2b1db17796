"""Deletes messages that have landed, ten at a time or once a second: single deletes are what slows bridges down."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

import structlog

from headrace.connectors.bridge.in_flight import InFlightMessage, QueueSourceState
from headrace.connectors.bridge.queue import BATCH, QueueUnavailableError
from headrace.schemas.runtime.outage_log import OutageLog

WAIT_SECONDS = 1.0
PAUSES = (0.1, 0.5, 2.0, 5.0, 10.0)
"""Seconds before each further try. What is not deleted by then comes back, and its records keep their ids."""

T = TypeVar("T")

log = structlog.get_logger("headrace")


class BatchBuffer(Generic[T]):
    """What waits to be deleted, handed out by the batch. Safe from many threads."""

    def __init__(self, seconds: float = WAIT_SECONDS) -> None:
        self._seconds = seconds
        self._waiting: deque[tuple[float, T]] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, those: Iterable[T]) -> None:
        """Wait behind the others."""
        now = time.monotonic()
        with self._changed:
            before = len(self._waiting)
            self._waiting.extend((now, each) for each in those)
            if before == 0 or before < BATCH <= len(self._waiting):
                self._changed.notify()

    def take(self) -> list[T]:
        """Give ten, or fewer once the first of them has waited long enough; none once closed and empty."""
        with self._changed:
            while not self._closed and len(self._waiting) < BATCH:
                rest = self._waiting[0][0] + self._seconds - time.monotonic() if self._waiting else None
                if rest is not None and rest <= 0:
                    break
                self._changed.wait(rest)
            taken = [self._waiting.popleft()[1] for _ in range(min(BATCH, len(self._waiting)))]
            if self._waiting:
                self._changed.notify()
            return taken

    def flush(self) -> None:
        """Hand out from now on whatever is there, without waiting for more."""
        with self._changed:
            self._seconds = 0.0
            self._changed.notify_all()

    def close(self) -> None:
        """Let those who take go home once nothing waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class MessageDeleter:
    """Deletes what lands from one queue. `done` is called with messages, and whether they are gone."""

    def __init__(self, source: QueueSourceState, done: Callable[[Sequence[InFlightMessage], bool], None]) -> None:
        self._queue = source.queue
        self._saying = OutageLog(queue=source.queue.url)
        self._done = done
        self._given_up = threading.Event()
        self.waiting: BatchBuffer[InFlightMessage] = BatchBuffer()

    def work(self) -> None:
        """Delete until closed. Any number of threads may do this at a time."""
        while flights := self.waiting.take():
            for pause in (*PAUSES, None):
                flights = self._delete(flights)
                if not flights or pause is None or self._given_up.wait(pause):
                    break
            self._forget(flights, gone=False)

    def close(self) -> None:
        """End after what waits now, with no more pauses."""
        self._given_up.set()
        self.waiting.close()

    def _delete(self, flights: Sequence[InFlightMessage]) -> list[InFlightMessage]:
        """Try once, and give those that are worth another try."""
        try:
            rejected = self._queue.delete([flight.delivery for flight in flights])
        except QueueUnavailableError as error:
            self._saying.down(f"not deleted: {error}")
            return list(flights)
        self._saying.recovered()
        gone = {each.delivery.receipt for each in rejected if each.gone}
        again = {each.delivery.receipt for each in rejected} - gone
        for each in rejected:
            log.warning("not deleted", queue=self._queue.url, message=each.delivery.id, why=each.why)
        self._forget([flight for flight in flights if flight.delivery.receipt in gone], gone=False)
        self._forget([flight for flight in flights if flight.delivery.receipt not in gone | again], gone=True)
        return [flight for flight in flights if flight.delivery.receipt in again]

    def _forget(self, flights: Sequence[InFlightMessage], gone: bool) -> None:
        if flights:
            self._done(flights, gone)
