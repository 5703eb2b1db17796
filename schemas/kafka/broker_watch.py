"""Find out that a Kafka client does not reconnect.

librdkafka forgets brokers that a metadata answer does not name. An answer without any broker, such as that of a fenced
one, can leave the client without a broker for good, although the cluster answers others:
https://github.com/confluentinc/librdkafka/issues/5301
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException

PATIENCE_SECONDS = 60.0
"""Seconds without a broker before the client is checked."""
PROBE_SECONDS = 15.0
"""Seconds between two checks: more than the longest pause between two connects of librdkafka, 10 s."""
PROBES = 2
"""Checks that a client has to fail while the cluster answers a new client."""
ANSWER_SECONDS = 5.0


class ClientStuckError(KafkaException):
    """The client has lost all brokers and does not reconnect, although the cluster answers new clients."""

    def __init__(self) -> None:
        super().__init__(KafkaError(KafkaError._ALL_BROKERS_DOWN, "the client does not reconnect"))


class MetadataClient(Protocol):
    """A producer, consumer or admin client of librdkafka."""

    def list_topics(self, topic: str | None = None, timeout: float = -1) -> Any:
        """Ask a broker for the metadata of the cluster."""
        ...


class BrokerWatch:
    """Notes when a client has lost all brokers. `answers` returns whether the cluster answers a new client."""

    def __init__(self, answers: Callable[[], bool], clock: Callable[[], float] = time.monotonic) -> None:
        self._answers = answers
        self._clock = clock
        self._next_check: float | None = None
        self._failed_checks = 0

    @property
    def is_down(self) -> bool:
        """Whether the client has lost all brokers, as far as it is known."""
        return self._next_check is not None

    def on_error(self, error: KafkaError) -> None:
        """Take an error into account that librdkafka reports to the client's error callback."""
        if error.code() == KafkaError._ALL_BROKERS_DOWN and self._next_check is None:
            self._failed_checks = 0
            self._next_check = self._clock() + PATIENCE_SECONDS

    def reset(self) -> None:
        """Forget the outage: the client is a new one."""
        self._next_check = None

    def is_stuck(self, client: MetadataClient) -> bool:
        """Return whether a client has to be replaced. Blocks for up to 10 s if a check is due."""
        due = self._next_check
        if due is None or self._clock() < due:
            return False
        if knows_brokers(client):
            self._next_check = None
            return False
        self._failed_checks = self._failed_checks + 1 if self._answers() else 0
        self._next_check = self._clock() + PROBE_SECONDS
        return self._failed_checks >= PROBES


def knows_brokers(client: MetadataClient, seconds: float = ANSWER_SECONDS) -> bool:
    """Return whether a client gets an answer that names a broker."""
    try:
        return bool(client.list_topics(timeout=seconds).brokers)
    except KafkaException:
        return False
