"""The webhook producer, with the mock broker of librdkafka and without a broker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import pytest

from headrace.connectors.webhook import http_fetch, producer
from headrace.connectors.webhook.producer import WebhookProducer, WebhookSendError, traced
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.tracing.tracer import NoTracing
from tests.support.recorded_spans import recording

NOWHERE = KafkaSettings(bootstrap_servers="127.0.0.1:9")
MESSAGE = UNTRACED = ProducerRecord("media.uploaded", b"media/cat.jpg", b"value", (("ce_id", b"1"),))
TRACEPARENT = f"00-{'1' * 32}-{'2' * 16}-01"
TRACED = ProducerRecord("media.uploaded", b"media/cat.jpg", b"value", (("traceparent", TRACEPARENT.encode()),))


@pytest.fixture
def sender() -> Iterator[WebhookProducer]:
    """A producer connected to the mock broker of librdkafka."""
    sender = WebhookProducer(clients.producer(NOWHERE, **{"test.mock.num.brokers": 1}))
    yield sender
    sender.close(5.0)


async def test_send_returns_after_acknowledgement(sender: WebhookProducer) -> None:
    await asyncio.gather(*[sender.send([MESSAGE] * 3) for _ in range(20)])
    await sender.send([])


async def test_oversized_record_is_not_sent(sender: WebhookProducer) -> None:
    large = ProducerRecord("media.uploaded", b"key", b"x" * 3_000_000)
    with pytest.raises(WebhookSendError, match="too large"):
        await sender.send([MESSAGE, large])
    await sender.send([MESSAGE])


async def test_send_fails_without_a_broker() -> None:
    sender = WebhookProducer(clients.producer(NOWHERE, **{"message.timeout.ms": 200}))
    with pytest.raises(WebhookSendError, match="timed out"):
        await sender.send([MESSAGE])
    assert sender.close(1.0) == 0


async def test_full_producer_queue_raises() -> None:
    sender = WebhookProducer(
        clients.producer(NOWHERE, **{"message.timeout.ms": 200, "queue.buffering.max.messages": 2})
    )
    with pytest.raises(WebhookSendError, match="queue is full"):
        await sender.send([MESSAGE] * 3)
    assert sender.close(30.0) == 0


async def test_cancelled_send_does_not_affect_the_acknowledgement(sender: WebhookProducer) -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, complaint: complaints.append(complaint))
    waiting = asyncio.create_task(sender.send([MESSAGE]))
    await asyncio.sleep(0)
    waiting.cancel()
    await sender.send([MESSAGE])
    assert waiting.cancelled()
    assert complaints == []


async def test_send_times_out_without_a_delivery_report() -> None:
    sender = WebhookProducer(clients.producer(NOWHERE), seconds=0.1)
    with pytest.raises(WebhookSendError, match=r"no acknowledgement in 0\.1 s"):
        await sender.send([MESSAGE])
    assert sender.close(0.0) == 1


async def test_producer_drops_records_after_the_send_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(producer, "SECONDS", 0.2)
    sender = WebhookProducer(producer.producer(NOWHERE))
    with pytest.raises(WebhookSendError, match="timed out"):
        await sender.send([MESSAGE])
    assert sender.close(0.0) == 0


def test_timeouts_are_shorter_than_the_sns_timeout() -> None:
    assert producer.SECONDS + 2 * http_fetch.SECONDS < 15.0 - 1.0


async def test_each_record_is_the_first_span_of_its_trace() -> None:
    sent: list[ProducerRecord] = []

    async def send(records: Sequence[ProducerRecord]) -> None:
        sent.extend(records)

    with recording() as (tracer, ended):
        await traced(send, tracer)([TRACED, UNTRACED])
        [span] = ended()
    assert sent == [TRACED, UNTRACED]
    assert (span.name, span.kind, span.parent_id) == ("webhook publish", "producer", "")
    assert span.context.traceparent == TRACEPARENT
    assert span.attributes == {"headrace.key": "media/cat.jpg", "headrace.topic": "media.uploaded"}


async def test_span_of_a_record_that_is_not_acknowledged_has_the_error() -> None:
    async def refuse(_: Sequence[ProducerRecord]) -> None:
        raise WebhookSendError("no acknowledgement")

    with recording() as (tracer, ended):
        with pytest.raises(WebhookSendError):
            await traced(refuse, tracer)([TRACED])
        [span] = ended()
    assert span.error == span.attributes["error.type"] == "WebhookSendError"


async def test_without_tracing_records_are_sent_by_the_same_function() -> None:
    async def send(_: Sequence[ProducerRecord]) -> None:
        """Do nothing."""

    assert traced(send, NoTracing()) is send
