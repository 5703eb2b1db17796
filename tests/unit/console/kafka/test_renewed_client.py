"""Tests of the replacement of a Kafka client that does not reconnect."""

from __future__ import annotations

from itertools import count

import pytest

from headrace.console.kafka.renewed_client import PATIENCE_SECONDS, RenewedClient


class Clock:
    """A clock that tests set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def fail(client: RenewedClient[int]) -> int:
    """Use the client without success, and return it."""
    with pytest.raises(ValueError, match="silent"), client.use() as used:  # noqa: PT012
        found = used
        raise ValueError("silent")
    return found


def succeed(client: RenewedClient[int]) -> int:
    with client.use() as used:
        return used


def test_client_that_only_fails_is_replaced() -> None:
    numbers, clock = count(), Clock()
    client = RenewedClient(lambda: next(numbers), clock)
    assert fail(client) == 0
    clock.now = PATIENCE_SECONDS - 1
    assert fail(client) == 0
    clock.now = PATIENCE_SECONDS
    assert [fail(client), succeed(client)] == [1, 1]


def test_client_that_recovers_is_kept() -> None:
    numbers, clock = count(), Clock()
    client = RenewedClient(lambda: next(numbers), clock)
    fail(client)
    clock.now = 10.0
    assert succeed(client) == 0
    clock.now = 100.0
    fail(client)
    clock.now = 100.0 + PATIENCE_SECONDS - 1
    assert fail(client) == 0


def test_client_that_cannot_be_created_is_tried_again() -> None:
    answers = [RuntimeError("no settings")]

    def create() -> int:
        if answers:
            raise answers.pop()
        return 7

    client = RenewedClient(create)
    with pytest.raises(RuntimeError):
        succeed(client)
    assert succeed(client) == 7
