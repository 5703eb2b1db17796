"""Delete acknowledged messages in batches of ten, or after one second."""

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
"""Seconds before each retry. After the last one SQS delivers the message again; its records keep their ids."""

T = TypeVar("T")

log = structlog.get_logger("headrace")


class BatchBuffer(Generic[T]):
    """Collect items and return them in batches of ten. Thread-safe."""

    def __init__(self, seconds: float = WAIT_SECONDS) -> None:
        self._seconds = seconds
        self._waiting: deque[tuple[float, T]] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, items: Iterable[T]) -> None:
        """Append items."""
        now = time.monotonic()
        with self._changed:
            before = len(self._waiting)
            self._waiting.extend((now, item) for item in items)
            if before == 0 or before < BATCH <= len(self._waiting):
                self._changed.notify()

    def take(self) -> list[T]:
        """Return ten items, or fewer once the first is older than `seconds`; none once closed and empty."""
        with self._changed:
            while not self._closed and len(self._waiting) < BATCH:
                remaining = self._waiting[0][0] + self._seconds - time.monotonic() if self._waiting else None
                if remaining is not None and remaining <= 0:
                    break
                self._changed.wait(remaining)
            taken = [self._waiting.popleft()[1] for _ in range(min(BATCH, len(self._waiting)))]
            if self._waiting:
                self._changed.notify()
            return taken

    def flush(self) -> None:
        """Return incomplete batches at once from now on."""
        with self._changed:
            self._seconds = 0.0
            self._changed.notify_all()

    def close(self) -> None:
        """Make `take` return an empty batch once no item is left."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class MessageDeleter:
    """Deletes the acknowledged messages of one queue. `done` receives messages and whether SQS deleted them."""

    def __init__(self, source: QueueSourceState, done: Callable[[Sequence[InFlightMessage], bool], None]) -> None:
        self._queue = source.queue
        self._outage = OutageLog(queue=source.queue.url)
        self._done = done
        self._closed = threading.Event()
        self.buffer: BatchBuffer[InFlightMessage] = BatchBuffer()

    def work(self) -> None:
        """Delete until closed. Any number of threads may run this."""
        while messages := self.buffer.take():
            for pause in (*PAUSES, None):
                messages = self._delete(messages)
                if not messages or pause is None or self._closed.wait(pause):
                    break
            self._finish(messages, deleted=False)

    def close(self) -> None:
        """Delete the buffered messages without pauses between retries, then stop."""
        self._closed.set()
        self.buffer.close()

    def _delete(self, messages: Sequence[InFlightMessage]) -> list[InFlightMessage]:
        """Delete a batch once and return the messages to retry."""
        try:
            errors = self._queue.delete([message.sqs for message in messages])
        except QueueUnavailableError as error:
            self._outage.down(f"delete failed: {error}")
            return list(messages)
        self._outage.recovered()
        expired = {error.message.receipt for error in errors if error.expired}
        retryable = {error.message.receipt for error in errors} - expired
        for entry in errors:
            log.warning("delete_failed", queue=self._queue.url, message=entry.message.id, reason=entry.reason)
        self._finish([message for message in messages if message.sqs.receipt in expired], deleted=False)
        self._finish([message for message in messages if message.sqs.receipt not in expired | retryable], deleted=True)
        return [message for message in messages if message.sqs.receipt in retryable]

    def _finish(self, messages: Sequence[InFlightMessage], deleted: bool) -> None:
        if messages:
            self._done(messages, deleted)
