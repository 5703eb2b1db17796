"""Consumers without a group for short reads. A process that reads often keeps them connected."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, KafkaException

from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings

MAX_IDLE = 4
"""Idle consumers that are kept; each has a connection to each broker that it read from."""
_PROMPT = {"fetch.wait.max.ms": 10}
"""A kept consumer first waits for the last fetch of its previous assignment."""


class Consumers:
    """Opens a consumer for each read of one cluster. Thread-safe.

    With `keeps_connections`, a consumer is used again by a later read: a new one needs about 200 ms to connect.
    """

    def __init__(self, settings: KafkaSettings, keeps_connections: bool = False, **options: Any) -> None:
        self._settings = settings
        self._options = _PROMPT | options if keeps_connections else options
        self._idle: deque[Consumer] | None = deque() if keeps_connections else None

    @contextmanager
    def open(self) -> Iterator[Consumer]:
        """Yield a consumer without an assignment. One whose read failed is closed."""
        consumer = self._take()
        kept = False
        try:
            yield consumer
            kept = self._keep(consumer)
        except GeneratorExit:  # the reader wants no more records
            kept = self._keep(consumer)
            raise
        finally:
            if not kept:
                consumer.close()

    def _take(self) -> Consumer:
        try:
            return self._idle.pop() if self._idle is not None else self._create()
        except IndexError:
            return self._create()

    def _create(self) -> Consumer:
        return clients.simple_consumer(self._settings, **self._options)

    def _keep(self, consumer: Consumer) -> bool:
        if self._idle is None or len(self._idle) >= MAX_IDLE:
            return False
        try:
            consumer.unassign()
        except KafkaException:
            return False
        self._idle.append(consumer)
        return True
