"""Producers over librdkafka: `AsyncProducer` for an event loop, `SyncProducer` for one thread.

Both wait while librdkafka's queue is full, and both call back in the thread that uses them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import Message as RawMessage

from headrace.schemas.kafka.reconnecting import ReconnectingProducer
from headrace.schemas.messages import ProducerRecord, SendError

ASYNC_POLL_SECONDS = 0.001
SYNC_POLL_SECONDS = 0.1
SENDS_PER_POLL = 50

log = structlog.get_logger("headrace")

OnDelivery = Callable[[KafkaError | None, RawMessage], None]


def enqueue(producer: ReconnectingProducer, record: ProducerRecord, on_delivery: OnDelivery) -> bool:
    """Queue a record in librdkafka; return False while the queue is full.

    Raises `KafkaException` for a record that librdkafka rejects at once.
    """
    try:
        producer.produce(record.topic, record.value, record.key, headers=list(record.headers), on_delivery=on_delivery)
    except BufferError:
        return False
    return True


class AsyncProducer:
    """Sends records and waits for their acknowledgement.

    The event loop polls librdkafka while records are in flight, so delivery callbacks need no lock and no thread.
    """

    def __init__(self, producer: ReconnectingProducer, wait_when_full: bool = True) -> None:
        self._producer = producer
        self._wait_when_full = wait_when_full
        self._poller: asyncio.Task[None] | None = None
        self.in_flight = 0

    async def send(self, records: Sequence[ProducerRecord]) -> None:
        """Send records and return once every in-sync replica has them. Raises `SendError` for the first failure."""
        if records:
            await self._send(records)

    async def append(self, record: ProducerRecord) -> int:
        """Send a record and return its offset once every in-sync replica has it. Raises `SendError`."""
        return await self._send([record])

    async def _send(self, records: Sequence[ProducerRecord]) -> int:
        batch = _Batch(self, len(records))
        try:
            for record in records:
                await self._enqueue(record, batch)
        finally:  # records enqueued before a failure need their callbacks as well
            if self._poller is None or self._poller.done():
                self._poller = asyncio.create_task(self._poll())
        return await batch.done

    def close(self, timeout: float) -> int:
        """Wait up to `timeout` seconds for acknowledgements; return the number of records without one. Blocks."""
        left: int = self._producer.flush(timeout)
        return left

    async def _enqueue(self, record: ProducerRecord, batch: _Batch) -> None:
        try:
            while not enqueue(self._producer, record, batch.on_delivery):
                if not self._wait_when_full:
                    raise SendError(record.topic, "the producer's queue is full", final=False)
                self._producer.poll(0)
                await asyncio.sleep(ASYNC_POLL_SECONDS)
        except KafkaException as error:
            raise _send_error(record.topic, error.args[0]) from error
        self.in_flight += 1

    async def _poll(self) -> None:
        """Serve delivery callbacks. An error of one does not end the acknowledgements of the others."""
        while self.in_flight > 0:
            try:
                self._producer.poll(0)
            except Exception as error:
                log.error("delivery_callback_failed", reason=repr(error))
            await asyncio.sleep(ASYNC_POLL_SECONDS)


class _Batch:
    """The acknowledgements that one `send` waits for. The result is the offset of the last record."""

    __slots__ = ("done", "left", "producer")

    def __init__(self, producer: AsyncProducer, count: int) -> None:
        self.producer = producer
        self.left = count
        self.done: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def on_delivery(self, error: KafkaError | None, message: RawMessage) -> None:
        self.producer.in_flight -= 1
        self.left -= 1
        if self.done.done():
            return
        if error is not None:
            self.done.set_exception(_send_error(str(message.topic()), error))
        elif not self.left:
            self.done.set_result(message.offset() or 0)


def _send_error(topic: str, error: KafkaError) -> SendError:
    return SendError(topic, error.str(), final=error.code() == KafkaError.MSG_SIZE_TOO_LARGE)


def _no_op() -> None:
    """Ignore an acknowledgement."""


class SyncProducer:
    """Sends records from one thread. The first error ends it: every later call raises that error again."""

    def __init__(self, producer: ReconnectingProducer) -> None:
        self._producer = producer
        self._error: KafkaError | None = None
        self._sends = 0
        self.unacknowledged = 0
        """The number of records sent and not acknowledged."""

    def send(self, record: ProducerRecord, on_acknowledged: Callable[[], None] = _no_op) -> None:
        """Send a record. `send`, `serve` and `flush` call `on_acknowledged` once the record is durable.

        Raises `KafkaException` if this record or an earlier one failed.
        """

        def on_delivery(error: KafkaError | None, _: RawMessage) -> None:
            if error is None:
                self.unacknowledged -= 1
                on_acknowledged()
            else:
                self._error = self._error or error

        self.unacknowledged += 1
        try:
            while not enqueue(self._producer, record, on_delivery):
                self.serve(SYNC_POLL_SECONDS)
        except KafkaException as error:
            self._error = self._error or error.args[0]
            raise
        self._sends += 1
        if self._sends % SENDS_PER_POLL == 0:
            self.serve()

    def serve(self, seconds: float = 0.0) -> None:
        """Call back for at most `seconds`. Raises `KafkaException` if a record failed."""
        self._producer.poll(seconds)
        self._raise_error()

    def flush(self, seconds: float) -> None:
        """Wait for all acknowledgements. Raises `KafkaException` if a record failed or `seconds` passed."""
        left = self._producer.flush(seconds)
        self._raise_error()
        if left:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"no answer in {seconds:g} s"))

    def _raise_error(self) -> None:
        if self._error is not None:
            raise KafkaException(self._error)
