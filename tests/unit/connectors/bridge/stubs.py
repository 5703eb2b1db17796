"""A stub queue and a stub producer whose errors and acknowledgements a test controls."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import KafkaError

from headrace.connectors.bridge.queue import BatchEntryError, SqsMessage

WITHIN_SECONDS = 50.0


def eventually(holds: Callable[[], bool]) -> bool:
    """Wait until `holds` returns true. Returns False after 50 s."""
    deadline = time.monotonic() + WITHIN_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


class StubQueue:
    """An in-memory `SqsQueue`. `errors` are raised by the next calls of an operation."""

    def __init__(self, url: str = "http://sqs/media") -> None:
        self.url = url
        self.is_fifo = url.endswith(".fifo")
        self.deleted: list[str] = []
        self.batches: list[int] = []
        self.extended: list[tuple[str, int]] = []
        self.errors: dict[str, list[Exception]] = {"receive": [], "delete": [], "change_visibility": []}
        self.rejects: list[BatchEntryError] = []
        self.receives = 0
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self._waiting: queue.Queue[list[SqsMessage]] = queue.Queue()

    def send(self, *bodies: str, group: str = "") -> None:
        """Queue one response with these messages, named m0, m1, ..."""
        self._waiting.put([SqsMessage(f"m{n}", f"r{n}", body, group) for n, body in enumerate(bodies)])

    def receive(self) -> list[SqsMessage]:
        self._raise("receive")
        with self._lock:
            self.receives += 1
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return self._waiting.get(timeout=0.02)
        except queue.Empty:
            return []
        finally:
            with self._lock:
                self._at_once -= 1

    def delete(self, messages: Sequence[SqsMessage]) -> list[BatchEntryError]:
        self._raise("delete")
        errors, self.rejects = self.rejects, []
        failed = {each.message.id for each in errors}
        self.batches.append(len(messages))
        self.deleted += [each.id for each in messages if each.id not in failed]
        return errors

    def change_visibility(self, messages: Sequence[SqsMessage], seconds: int) -> list[BatchEntryError]:
        self._raise("change_visibility")
        errors, self.rejects = self.rejects, []
        self.batches.append(len(messages))
        self.extended += [(each.id, seconds) for each in messages]
        return errors

    def _raise(self, operation: str) -> None:
        if self.errors[operation]:
            raise self.errors[operation].pop(0)


class StubProducer:
    """A producer that acknowledges on request. `raises` are raised by the next calls of `produce`."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes, bytes, list[tuple[str, bytes]]]] = []
        self.raises: list[Exception] = []
        self._reports: list[Callable[[Any, Any], None]] = []
        self._due: queue.Queue[Callable[[], None]] = queue.Queue()
        self._lock = threading.Lock()

    def connect(self, **given: Any) -> StubProducer:
        """Stand in for `clients.producer`."""
        self.given = given
        return self

    def produce(self, topic: str, value: bytes, key: bytes, headers: Any, on_delivery: Any) -> None:
        if self.raises:
            raise self.raises.pop(0)
        with self._lock:
            self.sent.append((topic, value, key, headers))
            self._reports.append(on_delivery)

    def poll(self, timeout: float) -> int:
        """Run one due callback in the polling thread, as librdkafka does."""
        try:
            due = self._due.get(timeout=timeout)
        except queue.Empty:
            return 0
        due()
        return 1

    def call(self, back: Callable[[KafkaError], None], error: KafkaError) -> None:
        """Report an error at the next poll."""
        self._due.put(lambda: back(error))

    def acknowledge(self, number: int, error: KafkaError | None = None) -> None:
        """Send the delivery report of the n-th record."""
        assert eventually(lambda: len(self._reports) > number), f"record {number} was not sent"
        self._due.put(lambda: self._reports[number](error, None))

    @property
    def topics(self) -> list[str]:
        return [sent[0] for sent in self.sent]
