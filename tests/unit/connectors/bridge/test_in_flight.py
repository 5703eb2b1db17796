"""There are never more messages in flight than is allowed, and each ends in its place."""

from __future__ import annotations

import threading
from dataclasses import asdict
from itertools import permutations

import pytest

from headrace.connectors.bridge.in_flight import (
    BridgeCounts,
    DeliveryReport,
    InFlightMessage,
    InFlightMessages,
    QueueSourceState,
)
from headrace.connectors.bridge.queue import SqsMessage
from tests.unit.connectors.bridge.stubs import StubQueue, eventually

SOURCE = QueueSourceState(StubQueue(), 30)  # type: ignore[arg-type]


class Landings:
    """An airspace, and which of its messages may be deleted."""

    def __init__(self, limit: int = 100) -> None:
        self.landed: list[str] = []
        self.space = InFlightMessages(
            limit, lambda flights: self.landed.extend(flight.delivery.id for flight in flights)
        )

    def enter(self, *groups: str) -> list[InFlightMessage]:
        assert self.space.reserve(len(groups))
        deliveries = [SqsMessage(f"m{n}", f"r{n}", "", group) for n, group in enumerate(groups)]
        return self.space.add(SOURCE, deliveries, len(groups), now=100.0)


def test_a_message_stays_hidden_from_its_receipt_on() -> None:
    (flight,) = Landings().enter("")

    assert flight.visible_at == 130.0


def test_places_are_reserved_before_messages_are_received() -> None:
    landings = Landings(limit=20)
    landings.enter("", "")
    assert landings.space.reserve(10)
    third = threading.Thread(target=landings.space.reserve, args=(10,))
    third.start()
    assert third.is_alive()

    landings.space.add(SOURCE, [], 10, now=0.0)
    third.join(5)
    assert not third.is_alive()


def test_a_message_that_leaves_makes_room() -> None:
    landings = Landings(limit=1)
    (flight,) = landings.enter("")
    waiting = threading.Thread(target=landings.space.reserve, args=(1,))
    waiting.start()

    landings.space.end(flight, "ignored")
    landings.space.remove([flight], deleted=True)

    waiting.join(5)
    assert not waiting.is_alive()


def test_nobody_waits_for_a_place_any_longer_once_it_is_closed() -> None:
    landings = Landings(limit=1)
    landings.enter("")
    answers: list[bool] = []
    waiting = threading.Thread(target=lambda: answers.append(landings.space.reserve(1)))
    waiting.start()
    landings.space.close()
    waiting.join(5)

    assert answers == [False]
    assert landings.space.reserve(0) is False


def test_what_is_received_after_the_end_is_not_taken() -> None:
    landings = Landings()
    assert landings.space.reserve(10)
    landings.space.close()

    assert landings.space.add(SOURCE, [SqsMessage("m", "r", "")], 10, now=0.0) == []
    assert landings.space.counts.received == 0


def test_the_last_acknowledgement_decides() -> None:
    landings = Landings()
    (flight,) = landings.enter("")
    landings.space.await_records(flight, 3)
    for _ in range(2):
        landings.space.acknowledged([DeliveryReport(flight, "parsed", acknowledged=True)])
        assert landings.landed == []
    landings.space.acknowledged([DeliveryReport(flight, "parsed", acknowledged=True)])

    assert landings.landed == ["m0"]
    assert asdict(landings.space.counts) == asdict(BridgeCounts(received=1, parsed=1, records=3))


@pytest.mark.parametrize("bad", range(3))
def test_one_bad_acknowledgement_leaves_the_message_whenever_it_comes(bad: int) -> None:
    landings = Landings()
    (flight,) = landings.enter("")
    landings.space.await_records(flight, 3)
    for number in range(3):
        landings.space.acknowledged([DeliveryReport(flight, "parsed", acknowledged=number != bad)])

    assert landings.landed == []
    assert landings.space.snapshot() == []
    assert landings.space.counts.returned == 1


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_messages_of_a_group_land_in_their_order(order: tuple[int, ...]) -> None:
    landings = Landings()
    flights = landings.enter("g", "g", "g")
    for number in order:
        landings.space.end(flights[number], "parsed")

    assert landings.landed == ["m0", "m1", "m2"]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_behind_a_message_that_is_left_the_others_of_its_group_are_left_too(order: tuple[int, ...]) -> None:
    landings = Landings()
    flights = landings.enter("g", "g", "other", "g")
    for number in order:
        landings.space.end(flights[number], "returned" if number == 1 else "parsed")

    assert sorted(landings.landed) == ["m0", "m2"]
    assert landings.space.counts.returned == 2


def test_messages_without_a_group_wait_for_nobody() -> None:
    landings = Landings()
    _, second = landings.enter("", "")
    landings.space.end(second, "parsed")

    assert landings.landed == ["m1"]


def test_what_is_uncertain_at_the_end_is_left_and_stays_so() -> None:
    landings = Landings()
    certain, uncertain = landings.enter("", "")
    landings.space.end(certain, "parsed")
    landings.space.close()
    landings.space.empty(0)
    landings.space.end(uncertain, "parsed")
    landings.space.remove([uncertain], deleted=True)

    assert asdict(landings.space.counts) == asdict(BridgeCounts(received=2, parsed=1, returned=1))
    assert landings.landed == ["m0"]


def test_an_end_waits_until_all_have_left() -> None:
    landings = Landings()
    (flight,) = landings.enter("")
    landings.space.close()
    ending = threading.Thread(target=landings.space.empty, args=(5,))
    ending.start()
    landings.space.end(flight, "parsed")
    assert ending.is_alive()
    landings.space.remove([flight], deleted=True)

    assert eventually(lambda: not ending.is_alive())
    assert landings.space.counts.deleted == 1
