"""The in-flight limit, the order of FIFO groups, and the states of a message."""

from __future__ import annotations

import threading
from dataclasses import asdict
from itertools import permutations

import pytest

from headrace.connectors.bridge.in_flight import (
    DeliveryReport,
    InFlightMessage,
    InFlightMessages,
    QueueSourceState,
)
from headrace.connectors.bridge.message_states import BridgeCounts, MessageOutcome, MessageState
from headrace.connectors.bridge.queue import SqsMessage
from tests.unit.connectors.bridge.stubs import StubQueue, eventually

SOURCE = QueueSourceState(StubQueue(), 30)  # type: ignore[arg-type]


class Bench:
    """Messages in flight, and the ids of those that were acknowledged."""

    def __init__(self, limit: int = 100) -> None:
        self.acknowledged: list[str] = []
        self.in_flight = InFlightMessages(
            limit, lambda messages: self.acknowledged.extend(message.sqs.id for message in messages)
        )

    def add(self, *groups: str) -> list[InFlightMessage]:
        assert self.in_flight.reserve(len(groups))
        received = [SqsMessage(f"m{n}", f"r{n}", "", group) for n, group in enumerate(groups)]
        return self.in_flight.add(SOURCE, received, len(groups), now=100.0)


def test_visibility_timeout_starts_at_receipt() -> None:
    (message,) = Bench().add("")

    assert message.visible_at == 130.0


def test_reserve_waits_for_earlier_reservations() -> None:
    bench = Bench(limit=20)
    bench.add("", "")
    assert bench.in_flight.reserve(10)
    third = threading.Thread(target=bench.in_flight.reserve, args=(10,))
    third.start()
    assert third.is_alive()

    bench.in_flight.add(SOURCE, [], 10, now=0.0)
    third.join(25)
    assert not third.is_alive()


def test_removed_message_makes_room() -> None:
    bench = Bench(limit=1)
    (message,) = bench.add("")
    waiting = threading.Thread(target=bench.in_flight.reserve, args=(1,))
    waiting.start()

    bench.in_flight.decide(message, MessageOutcome.IGNORED)
    bench.in_flight.remove([message], deleted=True)

    waiting.join(25)
    assert not waiting.is_alive()


def test_close_ends_waiting_reservations() -> None:
    bench = Bench(limit=1)
    bench.add("")
    answers: list[bool] = []
    waiting = threading.Thread(target=lambda: answers.append(bench.in_flight.reserve(1)))
    waiting.start()
    bench.in_flight.close()
    waiting.join(25)

    assert answers == [False]
    assert bench.in_flight.reserve(0) is False


def test_add_after_close_adds_nothing() -> None:
    bench = Bench()
    assert bench.in_flight.reserve(10)
    bench.in_flight.close()

    assert bench.in_flight.add(SOURCE, [SqsMessage("m", "r", "")], 10, now=0.0) == []
    assert bench.in_flight.counts.received == 0


def test_last_delivery_report_decides_the_outcome() -> None:
    bench = Bench()
    (message,) = bench.add("")
    message.expect_records(3)
    for _ in range(2):
        bench.in_flight.handle_reports([DeliveryReport(message, MessageOutcome.PARSED, acknowledged=True)])
        assert bench.acknowledged == []
    bench.in_flight.handle_reports([DeliveryReport(message, MessageOutcome.PARSED, acknowledged=True)])

    assert bench.acknowledged == ["m0"]
    assert asdict(bench.in_flight.counts) == asdict(BridgeCounts(received=1, parsed=1, records=3))


@pytest.mark.parametrize("bad", range(3))
def test_any_failed_record_returns_the_message(bad: int) -> None:
    bench = Bench()
    (message,) = bench.add("")
    message.expect_records(3)
    for number in range(3):
        bench.in_flight.handle_reports([DeliveryReport(message, MessageOutcome.PARSED, acknowledged=number != bad)])

    assert bench.acknowledged == []
    assert bench.in_flight.snapshot() == []
    assert bench.in_flight.counts.returned == 1


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_fifo_group_is_acknowledged_in_order(order: tuple[int, ...]) -> None:
    bench = Bench()
    messages = bench.add("g", "g", "g")
    for number in order:
        bench.in_flight.decide(messages[number], MessageOutcome.PARSED)

    assert bench.acknowledged == ["m0", "m1", "m2"]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_fifo_group_is_returned_after_a_returned_message(order: tuple[int, ...]) -> None:
    bench = Bench()
    messages = bench.add("g", "g", "other", "g")
    for number in order:
        bench.in_flight.decide(messages[number], MessageOutcome.RETURNED if number == 1 else MessageOutcome.PARSED)

    assert sorted(bench.acknowledged) == ["m0", "m2"]
    assert bench.in_flight.counts.returned == 2


def test_messages_without_a_group_are_independent() -> None:
    bench = Bench()
    _, second = bench.add("", "")
    bench.in_flight.decide(second, MessageOutcome.PARSED)

    assert bench.acknowledged == ["m1"]


def test_drain_timeout_returns_undecided_messages() -> None:
    bench = Bench()
    certain, uncertain = bench.add("", "")
    bench.in_flight.decide(certain, MessageOutcome.PARSED)
    bench.in_flight.close()
    bench.in_flight.drain(0)
    bench.in_flight.decide(uncertain, MessageOutcome.PARSED)
    bench.in_flight.remove([uncertain], deleted=True)

    assert asdict(bench.in_flight.counts) == asdict(BridgeCounts(received=2, parsed=1, returned=1))
    assert bench.acknowledged == ["m0"]


def test_drain_waits_for_deletes() -> None:
    bench = Bench()
    (message,) = bench.add("")
    bench.in_flight.close()
    ending = threading.Thread(target=bench.in_flight.drain, args=(5,))
    ending.start()
    bench.in_flight.decide(message, MessageOutcome.PARSED)
    assert ending.is_alive()
    bench.in_flight.remove([message], deleted=True)

    assert eventually(lambda: not ending.is_alive())
    assert bench.in_flight.counts.deleted == 1


@pytest.mark.parametrize("deleted", [True, False])
def test_message_passes_through_the_documented_states(deleted: bool) -> None:
    bench = Bench()
    (message,) = bench.add("")
    states = [message.state]
    message.expect_records(1)
    states.append(message.state)
    bench.in_flight.handle_reports([DeliveryReport(message, MessageOutcome.PARSED, acknowledged=True)])
    states.append(message.state)
    bench.in_flight.remove([message], deleted=deleted)
    states.append(message.state)

    last = MessageState.DELETED if deleted else MessageState.RETURNED
    assert states == [MessageState.RECEIVED, MessageState.PENDING, MessageState.ACKNOWLEDGED, last]
    assert message.outcome is MessageOutcome.PARSED


def test_failed_record_returns_the_message() -> None:
    bench = Bench()
    (message,) = bench.add("")
    message.expect_records(1)
    bench.in_flight.handle_reports([DeliveryReport(message, MessageOutcome.REJECTED, acknowledged=False)])

    assert (message.state, message.outcome) == (MessageState.RETURNED, MessageOutcome.RETURNED)


def test_decided_fifo_message_keeps_its_state_until_earlier_ones_are_decided() -> None:
    bench = Bench()
    first, second = bench.add("g", "g")
    for message in (first, second):
        message.expect_records(1)
    bench.in_flight.handle_reports([DeliveryReport(second, MessageOutcome.PARSED, acknowledged=True)])
    assert second.state is MessageState.PENDING
    bench.in_flight.handle_reports([DeliveryReport(first, MessageOutcome.PARSED, acknowledged=True)])

    assert [message.state for message in (first, second)] == [MessageState.ACKNOWLEDGED] * 2


def test_every_outcome_has_a_counter() -> None:
    counts = BridgeCounts()
    for outcome in MessageOutcome:
        counts.add(outcome)

    assert asdict(counts) == asdict(BridgeCounts(parsed=1, rejected=1, ignored=1, returned=1))
