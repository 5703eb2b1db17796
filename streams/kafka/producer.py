"""Sends results, retries and dead letters, and returns when the broker has them on every in-sync replica.

One idempotent librdkafka producer a process. Its delivery callbacks run in the event loop's own thread, because the
loop polls it: no lock, no thread hop, and no poll while nothing is under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, Producer

from headrace.schemas.messages import ProducerRecord
from headrace.streams.engine.ports import SendError

POLL_SECONDS = 0.001


class AsyncProducer:
    """Sends messages and waits for the acknowledgement."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self.under_way = 0
        self._pump: asyncio.Task[None] | None = None

    async def send(self, messages: Sequence[ProducerRecord]) -> None:
        """Send all messages; they are durable when this returns. Raises `NotSent` when one is not."""
        if not messages:
            return
        delivery = _Delivery(self, len(messages))
        for message in messages:
            await self._produce(message, delivery)
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._poll())
        await delivery.done

    def close(self, timeout: float) -> int:
        """Wait for what is under way and give the number of messages that were not delivered."""
        left: int = self._producer.flush(timeout)
        return left

    async def _produce(self, message: ProducerRecord, delivery: _Delivery) -> None:
        while True:
            try:
                self._producer.produce(
                    message.topic,
                    message.value,
                    message.key,
                    headers=list(message.headers),
                    on_delivery=delivery.report,
                )
            except BufferError:  # librdkafka's queue is full: let it deliver first
                self._producer.poll(0)
                await asyncio.sleep(POLL_SECONDS)
            except KafkaException as error:
                raise SendError(message.topic, str(error.args[0]), _final(error.args[0])) from error
            else:
                self.under_way += 1
                return

    async def _poll(self) -> None:
        while self.under_way > 0:
            self._producer.poll(0)
            await asyncio.sleep(POLL_SECONDS)


class _Delivery:
    """Counts the acknowledgements of messages that belong together."""

    __slots__ = ("done", "left", "sender")

    def __init__(self, sender: AsyncProducer, count: int) -> None:
        self.sender = sender
        self.left = count
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def report(self, error: KafkaError | None, message: object) -> None:
        self.sender.under_way -= 1
        self.left -= 1
        if self.done.done():
            return
        if error is not None:
            topic = getattr(message, "topic", str)()
            self.done.set_exception(SendError(str(topic), error.str(), _final(error)))
        elif not self.left:
            self.done.set_result(None)


def _final(error: KafkaError) -> bool:
    return bool(error.code() == KafkaError.MSG_SIZE_TOO_LARGE)
