"""Interfaces between the engine and Kafka."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ProducerRecord
from headrace.streams.engine.scheduler import KeyedScheduler
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import Stage


class Producer(Protocol):
    """Sends messages to Kafka."""

    async def send(self, messages: Sequence[ProducerRecord]) -> None:
        """Return when all messages are durable. Raises `SendError` when one is not."""


class StageHost(Protocol):
    """Runs the consumer of one stage: joins the group, feeds the scheduler, commits finished offsets."""

    async def start(self) -> None:
        """Start the scheduler and join the consumer group."""

    async def stop(self) -> None:
        """Drain the scheduler, commit, and leave the group."""

    def failure(self) -> BaseException | None:
        """Return the exception that ended the stage; None while it runs."""


CreateHost = Callable[[Stage, KeyedScheduler, StreamSettings, KafkaSettings], StageHost]
"""Builds the host of one stage."""
