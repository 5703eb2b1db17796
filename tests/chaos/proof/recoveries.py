"""How long the pipeline needs to recover from a fault, and the end of each upload, read from `media.completed`.

A fault's recovery time begins at its end, such as a kill or the return of a service, and ends with the first summary of
an upload that SQS accepted after it. It includes the usual time of an upload, which the report states too.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, TypedDict

from confluent_kafka import KafkaException, TopicPartition

from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from tests.chaos.proof.uploads import Open

POLL_SECONDS = 0.2
USUAL = 2_000
"""The number of the first uploads whose times are kept as the usual ones."""


class Quantiles(TypedDict):
    """Times in seconds and their number."""

    p50: float
    p99: float
    most: float
    number: int


class Recoveries:
    """Reads summaries in a thread, closes their uploads and measures recovery times."""

    def __init__(self, cluster: KafkaSettings, opened: Open) -> None:
        self.usual: list[float] = []
        self.by_kind: dict[str, list[float]] = defaultdict(list)
        self._pending: list[tuple[str, float]] = []
        self._cluster = cluster
        self._open = opened
        self._next = dict.fromkeys(range(topics.PARTITIONS), 0)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recoveries", daemon=True)

    def start(self) -> None:
        """Start to read."""
        self._thread.start()

    def stop(self) -> None:
        """Stop to read."""
        self._stop.set()
        self._thread.join()

    def expect(self, kind: str) -> None:
        """Record that a fault has ended now."""
        with self._lock:
            self._pending.append((kind, time.monotonic()))

    def unrecovered(self) -> list[str]:
        """Return the kinds of faults after which no upload was completed yet."""
        with self._lock:
            return [kind for kind, _ in self._pending]

    def _run(self) -> None:
        while not self._stop.is_set():
            with suppress(KafkaException):  # the client caches missing partitions of a starting broker: connect again
                self._read()

    def _read(self) -> None:
        consumer = clients.simple_consumer(self._cluster)
        try:
            consumer.assign([TopicPartition(topics.COMPLETED.name, each, at) for each, at in self._next.items()])
            while not self._stop.is_set():
                for message in consumer.consume(500, POLL_SECONDS):
                    self._take(message)
        finally:
            consumer.close()

    def _take(self, message: Any) -> None:
        if message.error() is not None:
            return
        self._next[message.partition()] = message.offset() + 1
        root = dict(message.headers())["ce_correlationid"].decode()
        accepted = self._open.finish(root, message.key().decode())
        if accepted is not None:
            self._finished(accepted, time.monotonic())

    def _finished(self, accepted: float, now: float) -> None:
        if len(self.usual) < USUAL and not self.by_kind and not self._pending:
            self.usual.append(now - accepted)
        with self._lock:
            for kind, ended in self._pending:
                if accepted > ended:
                    self.by_kind[kind].append(now - ended)
            self._pending = [each for each in self._pending if accepted <= each[1]]


def quantiles(seconds: Sequence[float]) -> Quantiles:
    """Return the median, the 99th percentile and the maximum of times in seconds."""
    last = max(seconds, default=0.0)
    cuts = statistics.quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else [last] * 99
    p50, p99 = cuts[49], cuts[98]
    return {"p50": round(p50, 2), "p99": round(p99, 2), "most": round(last, 2), "number": len(seconds)}


def by_kind(found: Mapping[str, Sequence[float]]) -> dict[str, Quantiles]:
    """Return the recovery times of each kind of fault."""
    return {kind: quantiles(seconds) for kind, seconds in sorted(found.items())}
