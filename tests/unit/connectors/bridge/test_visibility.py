"""Only messages that are held long are kept hidden, ten in a call."""

from __future__ import annotations

import threading
from typing import Any

from structlog.testing import capture_logs

from headrace.connectors.bridge import visibility
from headrace.connectors.bridge.in_flight import Airspace, Flight, Line, Source
from headrace.connectors.bridge.queue import Delivery, QueueUnavailable, Rejected
from headrace.connectors.bridge.visibility import due, hide
from tests.unit.connectors.bridge.stubs import StubQueue


def source(queue: StubQueue) -> Source:
    return Source(queue, 30)  # type: ignore[arg-type]


def flights(where: Source, *received_at: float) -> list[Flight]:
    return [Flight(where, Delivery(f"m{n}", f"r{n}", ""), Line(), when) for n, when in enumerate(received_at)]


def test_a_message_is_due_when_half_of_its_time_has_passed() -> None:
    where = source(StubQueue())
    old, young = flights(where, 100.0, 101.0)

    assert due([old, young], now=115.5) == {where: [old]}


def test_a_message_that_was_kept_hidden_has_its_whole_time_again() -> None:
    queue = StubQueue()
    (flight,) = flights(source(queue), 0.0)
    before = flight.hidden_until

    hide(flight.source, [flight])

    assert queue.hidden == [("m0", 30)]
    assert flight.hidden_until > before


def test_a_message_whose_handle_has_expired_is_told_of_once() -> None:
    queue = StubQueue()
    (flight,) = flights(source(queue), 0.0)
    queue.rejects = [Rejected(flight.delivery, "ReceiptHandleIsInvalid: ", gone=True)]
    with capture_logs() as logs:
        hide(flight.source, [flight])

    assert [line["message"] for line in logs] == ["m0"]
    assert due([flight], now=1e12) == {}


def test_a_queue_that_does_not_answer_is_asked_again_the_next_time() -> None:
    queue = StubQueue()
    (flight,) = flights(source(queue), 0.0)
    queue.errors["hide"] = [QueueUnavailable("away")]
    hide(flight.source, [flight])

    assert list(due([flight], now=flight.hidden_until).values()) == [[flight]]


def test_a_long_hold_in_the_bridge_is_ten_messages_a_call(monkeypatch: Any) -> None:
    queue = StubQueue()
    airspace = Airspace(100, lambda flight: None)
    for _ in range(2):
        assert airspace.reserve(10)
        deliveries = [Delivery(f"m{n}", f"r{n}", "") for n in range(10)]
        airspace.enter(source(queue), deliveries, 10, now=0.0)
    over = threading.Event()
    monkeypatch.setattr(over, "wait", lambda seconds: len(queue.batches) >= 2)

    visibility.keep_hidden(airspace, over)

    assert queue.batches == [10, 10]
