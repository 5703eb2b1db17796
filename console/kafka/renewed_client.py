"""A Kafka client of a process that runs for long. One that does not reconnect is replaced.

librdkafka forgets brokers that a metadata answer does not name. An answer without any broker, such as that of a broker
that is fenced because it was slow, leaves the client without a broker for good, although the cluster answers others:
https://github.com/confluentinc/librdkafka/issues/5301
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import structlog

T = TypeVar("T")

PATIENCE_SECONDS = 30.0
"""Seconds in which every use of a client fails before the next use creates another one."""

log = structlog.get_logger("headrace")


class RenewedClient(Generic[T]):
    """Creates a client at its first use, and again after uses have failed for some time. Thread-safe."""

    def __init__(self, create: Callable[[], T], clock: Callable[[], float] = time.monotonic) -> None:
        self._create = create
        self._clock = clock
        self._lock = threading.Lock()
        self._client: T | None = None
        self._failing_since: float | None = None

    @contextmanager
    def use(self) -> Iterator[T]:
        """Yield the client. An exception of the block counts as its failure."""
        client = self._current()
        try:
            yield client
        except Exception:
            self._failed(client)
            raise
        with self._lock:
            self._failing_since = None

    def _current(self) -> T:
        with self._lock:
            since = self._failing_since
            if since is not None and self._clock() - since >= PATIENCE_SECONDS:
                self._client, self._failing_since = None, None
                log.info("kafka_client_replaced", seconds=round(self._clock() - since))
            if self._client is None:
                self._client = self._create()
            return self._client

    def _failed(self, client: T) -> None:
        with self._lock:
            if client is self._client and self._failing_since is None:
                self._failing_since = self._clock()
