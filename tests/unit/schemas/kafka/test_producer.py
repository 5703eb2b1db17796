"""`SyncProducer` and `AsyncProducer` against librdkafka's mock broker, and against no broker."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from confluent_kafka import KafkaError, KafkaException

from headrace.schemas.kafka import clients
from headrace.schemas.kafka.producer import AsyncProducer, SyncProducer
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ProducerRecord, SendError

NO_BROKER = KafkaSettings(bootstrap_servers="127.0.0.1:9")
MOCK_BROKER = {"test.mock.num.brokers": 1}
RECORD = ProducerRecord("media.uploaded", b"media/cat.jpg", b"value", (("ce_id", b"1"),))
TOO_LARGE = ProducerRecord("media.uploaded", b"media/cat.jpg", b"x" * 3_000_000)


def test_sync_producer_calls_back_for_each_acknowledged_record() -> None:
    producer, acknowledged = SyncProducer(clients.producer(NO_BROKER, **MOCK_BROKER)), list[int]()
    for number in range(120):
        producer.send(RECORD, partial(acknowledged.append, number))
    producer.flush(10.0)

    assert acknowledged == list(range(120))
    assert producer.unacknowledged == 0


def test_sync_producer_raises_its_first_error_again() -> None:
    producer = SyncProducer(clients.producer(NO_BROKER, **MOCK_BROKER))
    with pytest.raises(KafkaException, match="too large"):
        producer.send(TOO_LARGE)
    with pytest.raises(KafkaException, match="too large"):
        producer.flush(10.0)
    assert producer.unacknowledged == 1


def test_sync_producer_waits_while_the_queue_is_full() -> None:
    limits = {"message.timeout.ms": 200, "queue.buffering.max.messages": 2}
    producer = SyncProducer(clients.producer(NO_BROKER, **limits))
    producer.send(RECORD)
    producer.send(RECORD)
    with pytest.raises(KafkaException) as raised:
        producer.send(RECORD)
    assert raised.value.args[0].code() == KafkaError._MSG_TIMED_OUT


def test_sync_producer_flush_times_out_without_a_broker() -> None:
    producer = SyncProducer(clients.producer(NO_BROKER))
    producer.send(RECORD)
    with pytest.raises(KafkaException) as raised:
        producer.flush(0.1)
    assert raised.value.args[0].str() == "no answer in 0.1 s"


async def test_async_producer_polls_only_while_records_are_in_flight() -> None:
    producer = AsyncProducer(clients.producer(NO_BROKER, **MOCK_BROKER))
    await asyncio.gather(*(producer.send([RECORD] * 3) for _ in range(20)))

    assert producer.in_flight == 0


async def test_async_producer_marks_a_record_that_is_too_large_as_final() -> None:
    producer = AsyncProducer(clients.producer(NO_BROKER, **MOCK_BROKER))
    with pytest.raises(SendError, match="too large") as raised:
        await producer.send([RECORD, TOO_LARGE])
    assert raised.value.final


async def test_async_producer_waits_while_the_queue_is_full() -> None:
    limits = {"message.timeout.ms": 200, "queue.buffering.max.messages": 2}
    producer = AsyncProducer(clients.producer(NO_BROKER, **limits))
    with pytest.raises(SendError, match="timed out") as raised:
        await producer.send([RECORD] * 5)
    assert not raised.value.final
