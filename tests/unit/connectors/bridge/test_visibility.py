"""Only messages that are held long are kept hidden, ten in a call."""

from __future__ import annotations

import threading
from typing import Any

from structlog.testing import capture_logs

from headrace.connectors.bridge import visibility
from headrace.connectors.bridge.in_flight import (
    FifoGroup,
    InFlightMessage,
    InFlightMessages,
    QueueSourceState,
)
from headrace.connectors.bridge.queue import BatchEntryError, QueueUnavailableError, SqsMessage
from headrace.connectors.bridge.visibility import expiring, extend_visibility
from tests.unit.connectors.bridge.stubs import StubQueue


def source(queue: StubQueue) -> QueueSourceState:
    return QueueSourceState(queue, 30)  # type: ignore[arg-type]


def flights(where: QueueSourceState, *received_at: float) -> list[InFlightMessage]:
    return [
        InFlightMessage(where, SqsMessage(f"m{n}", f"r{n}", ""), FifoGroup(), when)
        for n, when in enumerate(received_at)
    ]


def test_a_message_is_due_when_half_of_its_time_has_passed() -> None:
    where = source(StubQueue())
    old, young = flights(where, 100.0, 101.0)

    assert expiring([old, young], now=115.5) == {where: [old]}


def test_a_message_that_was_kept_hidden_has_its_whole_time_again() -> None:
    queue = StubQueue()
    (flight,) = flights(source(queue), 0.0)
    before = flight.visible_at

    extend_visibility(flight.source, [flight])

    assert queue.hidden == [("m0", 30)]
    assert flight.visible_at > before


def test_a_message_whose_handle_has_expired_is_told_of_once() -> None:
    queue = StubQueue()
    (flight,) = flights(source(queue), 0.0)
    queue.rejects = [BatchEntryError(flight.delivery, "ReceiptHandleIsInvalid: ", gone=True)]
    with capture_logs() as logs:
        extend_visibility(flight.source, [flight])

    assert [line["message"] for line in logs] == ["m0"]
    assert expiring([flight], now=1e12) == {}


def test_a_queue_that_does_not_answer_is_asked_again_the_next_time() -> None:
    queue = StubQueue()
    (flight,) = flights(source(queue), 0.0)
    queue.errors["hide"] = [QueueUnavailableError("away")]
    extend_visibility(flight.source, [flight])

    assert list(expiring([flight], now=flight.visible_at).values()) == [[flight]]


def test_a_long_hold_in_the_bridge_is_ten_messages_a_call(monkeypatch: Any) -> None:
    queue = StubQueue()
    airspace = InFlightMessages(100, lambda flight: None)
    for _ in range(2):
        assert airspace.reserve(10)
        deliveries = [SqsMessage(f"m{n}", f"r{n}", "") for n in range(10)]
        airspace.add(source(queue), deliveries, 10, now=0.0)
    over = threading.Event()
    monkeypatch.setattr(over, "wait", lambda seconds: len(queue.batches) >= 2)

    visibility.extend_visibility_loop(airspace, over)

    assert queue.batches == [10, 10]
