"""Tell a cluster that cannot be reached from one that does not answer in time, and retry requests until it does."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException

from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.parsing import InvalidValueError, parse_int

T = TypeVar("T")

ATTEMPT_SECONDS = 5.0
CONNECT_SECONDS = 2.0
PAUSE_SECONDS = 0.25

NO_CONNECTION = (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE)
"""A client gets these errors also from a broker that is slow to complete the handshake."""
NO_ANSWER = (KafkaError._TIMED_OUT, KafkaError._TIMED_OUT_QUEUE, KafkaError.REQUEST_TIMED_OUT)

LEADER_MOVES = (
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
)
"""Errors of a partition that is new, or whose leader has changed; the client asks for the new leader."""


def answered(settings: KafkaSettings, request: Callable[[float], T]) -> T:
    """Send a request, and repeat it for `kafka_timeout_seconds` while Kafka does not answer or a leader moves.

    `request` takes the timeout of one attempt. Raises the `KafkaException` of the last attempt.
    """
    deadline = time.monotonic() + settings.kafka_timeout_seconds
    while True:
        try:
            return request(max(PAUSE_SECONDS, min(ATTEMPT_SECONDS, deadline - time.monotonic())))
        except KafkaException as error:
            code = error.args[0].code()
            if code not in (*NO_CONNECTION, *NO_ANSWER, *LEADER_MOVES) or time.monotonic() + PAUSE_SECONDS >= deadline:
                raise
            if code in NO_CONNECTION and not accepts_connections(settings):
                raise
        time.sleep(PAUSE_SECONDS)


def accepts_connections(settings: KafkaSettings) -> bool:
    """Return whether one of the bootstrap servers accepts TCP connections."""
    return any(_accepts(server.strip()) for server in settings.bootstrap_servers.split(","))


def _accepts(server: str) -> bool:
    host, _, port = server.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), parse_int(port, 1, 65_535)), timeout=CONNECT_SECONDS):
            return True
    except (OSError, UnicodeError, InvalidValueError):  # UnicodeError: no name that IDNA can encode
        return False
