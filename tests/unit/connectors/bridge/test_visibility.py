"""Visibility timeouts are extended only for messages held long, in batches of ten."""

from __future__ import annotations

import threading
from typing import Any

from structlog.testing import capture_logs

from headrace.connectors.bridge import visibility
from headrace.connectors.bridge.in_flight import (
    InFlightMessage,
    InFlightMessages,
    QueueSourceState,
)
from headrace.connectors.bridge.queue import BatchEntryError, QueueUnavailableError, SqsMessage
from headrace.connectors.bridge.visibility import expiring, extend_visibility
from tests.unit.connectors.bridge.stubs import StubQueue


def source(queue: StubQueue) -> QueueSourceState:
    return QueueSourceState(queue, 30)  # type: ignore[arg-type]


def held(held_source: QueueSourceState, *received_at: float) -> list[InFlightMessage]:
    return [
        InFlightMessage(held_source, SqsMessage(f"m{n}", f"r{n}", ""), None, when) for n, when in enumerate(received_at)
    ]


def test_message_expires_after_half_of_its_visibility_timeout() -> None:
    held_source = source(StubQueue())
    old, young = held(held_source, 100.0, 101.0)

    assert expiring([old, young], now=115.5) == {held_source: [old]}


def test_extension_resets_the_visibility_timeout() -> None:
    queue = StubQueue()
    (message,) = held(source(queue), 0.0)
    before = message.visible_at

    extend_visibility(message.source, [message])

    assert queue.extended == [("m0", 30)]
    assert message.visible_at > before


def test_expired_receipt_handle_is_logged_once() -> None:
    queue = StubQueue()
    (message,) = held(source(queue), 0.0)
    queue.rejects = [BatchEntryError(message.sqs, "ReceiptHandleIsInvalid: ", expired=True)]
    with capture_logs() as logs:
        extend_visibility(message.source, [message])

    assert [line["message"] for line in logs] == ["m0"]
    assert expiring([message], now=1e12) == {}


def test_failed_extension_is_retried() -> None:
    queue = StubQueue()
    (message,) = held(source(queue), 0.0)
    queue.errors["change_visibility"] = [QueueUnavailableError("away")]
    extend_visibility(message.source, [message])

    assert list(expiring([message], now=message.visible_at).values()) == [[message]]


def test_visibility_is_extended_in_batches_of_ten(monkeypatch: Any) -> None:
    queue = StubQueue()
    in_flight = InFlightMessages(100, lambda messages: None)
    for _ in range(2):
        assert in_flight.reserve(10)
        received = [SqsMessage(f"m{n}", f"r{n}", "") for n in range(10)]
        in_flight.add(source(queue), received, 10, now=0.0)
    closed = threading.Event()
    monkeypatch.setattr(closed, "wait", lambda seconds: len(queue.batches) >= 2)

    visibility.extend_visibility_loop(in_flight, closed)

    assert queue.batches == [10, 10]
