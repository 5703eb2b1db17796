"""Deletes are batched by ten, or by time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from headrace.connectors.bridge.deleter import BatchBuffer


@pytest.fixture
def slow() -> Iterator[BatchBuffer[int]]:
    """A buffer that waits for a minute."""
    waiting: BatchBuffer[int] = BatchBuffer(60)
    yield waiting
    waiting.close()


def test_take_returns_ten_items_in_order(slow: BatchBuffer[int]) -> None:
    slow.put(range(12))

    assert slow.take() == list(range(10))


def test_take_returns_fewer_items_after_the_wait() -> None:
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


def test_flush_returns_incomplete_batches(slow: BatchBuffer[int]) -> None:
    slow.put([0])
    slow.flush()

    assert slow.take() == [0]


def test_take_returns_buffered_items_after_close(slow: BatchBuffer[int]) -> None:
    slow.put([0])
    slow.close()

    assert [slow.take(), slow.take()] == [[0], []]


def test_concurrent_takes_share_the_items(slow: BatchBuffer[int]) -> None:
    taken: list[list[int]] = []
    threads = [threading.Thread(target=lambda: taken.append(slow.take())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(30):
        slow.put([number])
    for thread in threads:
        thread.join(25)

    assert sorted(map(len, taken)) == [10, 10, 10]
