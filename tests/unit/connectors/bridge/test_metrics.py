"""The metrics of the bridge."""

from __future__ import annotations

import threading
from typing import Any

from prometheus_client import CollectorRegistry

from headrace.connectors.bridge.in_flight import InFlightMessages, QueueSourceState
from headrace.connectors.bridge.message_states import MessageOutcome
from headrace.connectors.bridge.metrics import BridgeCollector
from headrace.connectors.bridge.queue import QueueAttributes, QueueUnavailableError, SqsMessage


class Queue:
    """A queue whose depth is read once."""

    url = "https://sqs.eu-central-1.amazonaws.com/1/media"

    def __init__(self, stop: threading.Event, messages: int | None) -> None:
        self._stop, self._messages = stop, messages

    def attributes(self) -> QueueAttributes:
        self._stop.set()
        if self._messages is None:
            raise QueueUnavailableError("gone")
        return QueueAttributes(30, False, self._messages)


def source(queue: Any) -> QueueSourceState:
    return QueueSourceState(queue, 30)


def test_counts_outcomes_and_the_age_of_the_oldest_message() -> None:
    messages = InFlightMessages(100, lambda _: None)
    collector = BridgeCollector(messages, clock=lambda: 1000.0)
    registry = CollectorRegistry()
    registry.register(collector)
    assert registry.get_sample_value("headrace_bridge_lag_seconds") == 0
    assert messages.reserve(3)
    received = [SqsMessage(str(each), "r", "b", sent_ms=sent) for each, sent in enumerate((0, 940_000, 970_000))]
    _, oldest, _ = messages.add(source(None), received, 3, 0.0)
    assert registry.get_sample_value("headrace_bridge_lag_seconds") == 60
    assert registry.get_sample_value("headrace_bridge_in_flight_messages") == 3
    messages.decide(oldest, MessageOutcome.REJECTED)
    assert registry.get_sample_value("headrace_bridge_messages_total", {"outcome": "rejected"}) == 1
    messages.remove([oldest], deleted=True)
    assert registry.get_sample_value("headrace_bridge_lag_seconds") == 30


def test_depth_of_a_queue_that_does_not_respond_is_absent() -> None:
    registry = CollectorRegistry()
    collector = BridgeCollector(InFlightMessages(10, lambda _: None))
    registry.register(collector)
    for depth in (7, None):
        stop = threading.Event()
        collector.watch(source(Queue(stop, depth)), stop)
        assert registry.get_sample_value("headrace_queue_messages", {"queue": "media"}) == depth
