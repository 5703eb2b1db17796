"""Interfaces between the engine and Kafka."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from headrace.schemas.messages import ProducerRecord


class SendError(Exception):
    """The broker did not take a message. `final` when it never will, as with one that is too large."""

    def __init__(self, topic: str, why: str, final: bool) -> None:
        super().__init__(f"{topic}: {why}")
        self.final = final


class Producer(Protocol):
    """Sends messages to Kafka."""

    async def send(self, messages: Sequence[ProducerRecord]) -> None:
        """Return when all messages are durable. Raises `NotSent` when one is not."""
