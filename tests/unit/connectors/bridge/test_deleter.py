"""Deletes go ten at a time, or after a second, whatever trickles in behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from headrace.connectors.bridge.deleter import BatchBuffer


@pytest.fixture
def slow() -> Iterator[BatchBuffer[int]]:
    """One that would wait for a minute."""
    waiting: BatchBuffer[int] = BatchBuffer(60)
    yield waiting
    waiting.close()


def test_ten_go_at_once_in_the_order_they_came(slow: BatchBuffer[int]) -> None:
    slow.put(range(12))

    assert slow.take() == list(range(10))


def test_fewer_go_when_the_first_has_waited_long_enough_although_others_keep_coming() -> None:
    waiting: BatchBuffer[int] = BatchBuffer(0.2)
    over = threading.Event()

    def trickle() -> None:
        while not over.wait(0.05):
            waiting.put([1])

    waiting.put([0])
    threading.Thread(target=trickle, daemon=True).start()
    began = time.monotonic()
    taken = waiting.take()
    over.set()

    assert time.monotonic() - began < 0.4
    assert taken[0] == 0
    assert len(taken) < 10


def test_in_a_hurry_nothing_waits(slow: BatchBuffer[int]) -> None:
    slow.put([0])
    slow.flush()

    assert slow.take() == [0]


def test_what_waits_is_handed_out_before_the_end(slow: BatchBuffer[int]) -> None:
    slow.put([0])
    slow.close()

    assert [slow.take(), slow.take()] == [[0], []]


def test_several_who_take_share_the_work(slow: BatchBuffer[int]) -> None:
    taken: list[list[int]] = []
    threads = [threading.Thread(target=lambda: taken.append(slow.take())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(30):
        slow.put([number])
    for thread in threads:
        thread.join(5)

    assert sorted(map(len, taken)) == [10, 10, 10]
