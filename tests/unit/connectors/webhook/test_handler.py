"""Webhook responses to valid and forged messages, and during outages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.requests import Request
from structlog.testing import capture_logs

from headrace.connectors.aws.object_head import ObjectHead, ObjectHeadUnavailableError
from headrace.connectors.aws.sns_client import SubscriptionNotConfirmedError
from headrace.connectors.events.version_order import time_sequencer
from headrace.connectors.webhook import handler as webhook_module
from headrace.connectors.webhook.certificates import CertificateCache
from headrace.connectors.webhook.handler import SKEW, Webhook, WebhookDependencies
from headrace.connectors.webhook.producer import WebhookSendError
from headrace.connectors.webhook.settings import WebhookSettings
from headrace.schemas import topics
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.records import MediaUploaded
from tests.support.fake_sns import (
    CERTIFICATE_URL,
    ISSUER_URL,
    TOPIC,
    Sns,
    body_of,
    headers_of,
    rsa_key,
    stamp,
)
from tests.support.records import CODEC, NOW
from tests.unit.connectors.webhook.sns_messages import notification, record

UPLOAD = notification(record("photos/a+b.jpg"))
METADATA = "http://169.254.169.254/latest/meta-data/iam/security-credentials/"
LIMIT = 20_000
LAST_MODIFIED = datetime(2027, 1, 1, tzinfo=UTC)


class World:
    """What is outside of the webhook: Kafka, SNS's API, the clock. Each does what a test tells it to."""

    def __init__(self, sns: Sns) -> None:
        self.sns = sns
        self.now = NOW
        self.records: list[ProducerRecord] = []
        self.confirmed: list[tuple[str, str]] = []
        self.kafka = asyncio.Event()
        self.kafka.set()
        self.failures: list[Exception] = []

    async def send(self, messages: Sequence[ProducerRecord]) -> None:
        await self.kafka.wait()
        self._may_fail()
        self.records += messages

    def confirm(self, topic_arn: str, token: str) -> None:
        self._may_fail()
        self.confirmed.append((topic_arn, token))

    def head_object(self, bucket: str, key: str, version_id: str | None) -> ObjectHead | None:
        self._may_fail()
        return ObjectHead("e1", LAST_MODIFIED)

    def clock(self) -> datetime:
        return self.now

    def _may_fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)

    def webhook(self, **settings: Any) -> Webhook:
        """A webhook in this world, ready to take messages."""
        given = {"topic_arns": (TOPIC,), "max_body_bytes": LIMIT, **settings}
        keys = CertificateCache(self.sns.fetch, self.sns.authority.trust, self.clock)
        dependencies = WebhookDependencies(keys, self.send, self.confirm, CODEC, self.clock, self.head_object)
        webhook = Webhook(WebhookSettings(**given), dependencies)
        webhook.waiting_for = ""
        return webhook


@pytest.fixture
def sns() -> Sns:
    return Sns()


@pytest.fixture
def world(sns: Sns) -> World:
    return World(sns)


@pytest.fixture
def webhook(world: World) -> Webhook:
    return world.webhook()


async def post(webhook: Webhook, message: dict[str, Any], **headers: str) -> tuple[int, str]:
    """Deliver a message as SNS does; headers may be changed."""
    return await deliver(webhook, [body_of(message)], {**headers_of(message), **_spelled(headers)})


async def deliver(webhook: Webhook, chunks: Iterable[bytes], headers: dict[str, str]) -> tuple[int, str]:
    """Deliver a body that comes in pieces."""
    pieces = iter(chunks)

    async def receive() -> dict[str, Any]:
        try:
            return {"type": "http.request", "body": next(pieces), "more_body": True}
        except StopIteration:
            return {"type": "http.request", "body": b"", "more_body": False}

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    answer = await webhook.receive(Request({"type": "http", "method": "POST", "headers": raw}, receive))
    return answer.status_code, bytes(answer.body).decode()


def _spelled(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def assert_nothing_happened(world: World) -> None:
    """Assert that no record was sent and only SNS certificates were fetched."""
    assert world.records == []
    assert world.confirmed == []
    assert set(world.sns.asked) <= {CERTIFICATE_URL, ISSUER_URL}


@pytest.mark.parametrize("version", ["1", "2"])
async def test_signed_notification_becomes_records(world: World, webhook: Webhook, version: str) -> None:
    message = world.sns.notification(UPLOAD, SignatureVersion=version)
    assert await post(webhook, message) == (200, "accepted")
    [sent] = world.records
    assert (sent.topic, sent.key) == (topics.UPLOADED.name, b"media/photos/a+b.jpg")


async def test_notification_with_several_records_has_one_response(world: World, webhook: Webhook) -> None:
    message = world.sns.notification(notification(record("a.jpg"), record("b.jpg")), Subject="Amazon S3 Notification")
    assert await post(webhook, message) == (200, "accepted")
    assert [sent.key for sent in world.records] == [b"media/a.jpg", b"media/b.jpg"]


async def test_unsigned_fields_are_ignored(world: World, webhook: Webhook) -> None:
    unsigned = {"MessageAttributes": {"evil": {"Type": "String", "Value": "evil"}}, "evil": "evil"}
    message = world.sns.notification("just text", Subject="hello")
    assert await post(webhook, {**message, **unsigned}) == (200, "accepted")
    [sent] = world.records
    assert sent.topic == topics.AWS_EVENTS.name
    assert b"just text" in (sent.value or b"")
    assert b"evil" not in (sent.value or b"")


async def test_response_waits_for_kafka(world: World, webhook: Webhook) -> None:
    world.kafka.clear()
    answer = asyncio.create_task(post(webhook, world.sns.notification(UPLOAD)))
    done, _ = await asyncio.wait([answer], timeout=0.05)
    assert not done
    world.kafka.set()
    assert await answer == (200, "accepted")


async def test_upload_that_cannot_be_ordered_gets_503_until_s3_answers(world: World, webhook: Webhook) -> None:
    message = world.sns.notification(notification(record("a.jpg", sequencer="")))
    world.failures = [ObjectHeadUnavailableError("503")]
    assert await post(webhook, message) == (503, "not_ordered")
    assert world.records == []
    assert await post(webhook, message) == (200, "accepted")
    [sent] = world.records
    uploaded = CODEC.decode(sent.value)
    assert isinstance(uploaded, MediaUploaded)
    assert uploaded.asset.sequencer == time_sequencer(LAST_MODIFIED)


async def test_failed_send_gets_503(world: World, webhook: Webhook) -> None:
    message = world.sns.notification(UPLOAD)
    world.failures.append(WebhookSendError("timed out"))
    assert await post(webhook, message) == (503, "not_sent")
    assert await post(webhook, message) == (200, "accepted")
    assert len(world.records) == 1


async def test_duplicate_message_is_accepted_and_not_sent(world: World, webhook: Webhook) -> None:
    message = world.sns.notification(UPLOAD)
    assert await post(webhook, message) == (200, "accepted")
    assert await post(webhook, message) == (200, "duplicate")
    assert len(world.records) == 1


async def test_message_already_in_progress_gets_503(world: World, webhook: Webhook) -> None:
    message = world.sns.notification(UPLOAD)
    world.kafka.clear()
    first = asyncio.create_task(post(webhook, message))
    await asyncio.wait([first], timeout=0.05)
    assert await post(webhook, message) == (503, "under_way")
    world.kafka.set()
    assert await first == (200, "accepted")
    assert len(world.records) == 1


async def test_unparseable_message_becomes_an_unchanged_dead_letter(world: World, webhook: Webhook) -> None:
    message = world.sns.notification(
        json.dumps({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put"}]})
    )
    assert await post(webhook, message) == (200, "unreadable")
    [letter] = world.records
    headers = dict(letter.headers)
    assert (letter.topic, letter.key, letter.value) == ("bridge.dlq", message["MessageId"].encode(), body_of(message))
    assert (headers["dlq-code"], headers["dlq-topic-arn"]) == (b"unreadable", TOPIC.encode())
    assert headers["dlq-message"]


async def test_valid_parts_are_sent_with_the_dead_letter(world: World, webhook: Webhook) -> None:
    message = world.sns.notification(notification(record("a.jpg"), record("b.jpg", size="large"), record("c.jpg")))
    assert await post(webhook, message) == (200, "unreadable")
    assert [sent.key for sent in world.records[:-1]] == [b"media/a.jpg", b"media/c.jpg"]
    assert (world.records[-1].topic, world.records[-1].value) == ("bridge.dlq", body_of(message))


async def test_message_without_events_is_accepted(world: World, webhook: Webhook) -> None:
    message = world.sns.notification(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"}))
    assert await post(webhook, message) == (200, "ignored")
    assert world.records == []


async def test_subscription_is_confirmed_only_by_the_api(world: World, webhook: Webhook) -> None:
    message = world.sns.confirmation("t" * 64, SubscribeURL=METADATA)
    assert await post(webhook, message) == (200, "subscribed")
    assert world.confirmed == [(TOPIC, "t" * 64)]
    assert world.sns.asked == [CERTIFICATE_URL, ISSUER_URL]


async def test_failed_confirmation_gets_503(world: World, webhook: Webhook) -> None:
    world.failures.append(SubscriptionNotConfirmedError("AuthorizationError"))
    message = world.sns.confirmation()
    assert await post(webhook, message) == (503, "not_confirmed")
    assert await post(webhook, message) == (200, "subscribed")


async def test_unsubscribe_is_logged_and_not_reversed(world: World, webhook: Webhook) -> None:
    with capture_logs() as lines:
        assert await post(webhook, world.sns.confirmation(Type="UnsubscribeConfirmation")) == (200, "unsubscribed")
    assert [line["event"] for line in lines] == ["unsubscribed"]
    assert_nothing_happened(world)


TAMPERED = {
    "Message": notification(record("evil.jpg")),
    "MessageId": "00000000-0000-0000-0000-000000000000",
    "Subject": "evil",
    "Timestamp": stamp(NOW - timedelta(seconds=1)),
    "SignatureVersion": "1",
    "Signature": "",
}


@pytest.mark.parametrize("field", TAMPERED)
async def test_modified_notification_is_rejected(world: World, webhook: Webhook, field: str) -> None:
    message = world.sns.notification(UPLOAD, Subject="Amazon S3 Notification")
    assert await post(webhook, {**message, field: TAMPERED[field]}) == (403, "forged")
    assert_nothing_happened(world)


@pytest.mark.parametrize(
    "field", ["Message", "MessageId", "Subject", "Timestamp", "SigningCertURL", "SignatureVersion"]
)
async def test_notification_with_a_missing_field_is_rejected(world: World, webhook: Webhook, field: str) -> None:
    message = world.sns.notification(UPLOAD, Subject="Amazon S3 Notification")
    del message[field]
    assert await post(webhook, message) == (403, "forged")
    assert_nothing_happened(world)


@pytest.mark.parametrize(
    ("field", "value"),
    [("Token", "evil"), ("SubscribeURL", METADATA), ("Message", "evil"), ("Type", "UnsubscribeConfirmation")],
)
async def test_modified_confirmation_is_rejected(world: World, webhook: Webhook, field: str, value: str) -> None:
    assert await post(webhook, {**world.sns.confirmation(), field: value}) == (403, "forged")
    assert_nothing_happened(world)


@pytest.mark.parametrize(("said", "used"), [("1", "2"), ("2", "1")])
async def test_signature_of_the_other_version_is_rejected(world: World, webhook: Webhook, said: str, used: str) -> None:
    message = world.sns.notification(UPLOAD, SignatureVersion=used)
    assert await post(webhook, {**message, "SignatureVersion": said}) == (403, "forged")
    assert_nothing_happened(world)


async def test_signature_of_another_key_is_rejected(world: World, webhook: Webhook) -> None:
    message = world.sns.signed({"Type": "Notification", "Message": UPLOAD}, key=rsa_key("evil"))
    assert await post(webhook, message) == (403, "forged")
    assert_nothing_happened(world)


PATH = CERTIFICATE_URL.partition(".com")[2]


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.us-east-1.amazonaws.com" + PATH,
        "https://sns.us-east-1.amazonaws.com:443" + PATH,
        "https://evil@sns.us-east-1.amazonaws.com" + PATH,
        "https://sns.us-east-1.amazonaws.com" + PATH + "?a",
        "https://sns.us-east-1.amazonaws.com/evil.pem",
        "https://sns.us-east-1.amazonaws.com.evil.com" + PATH,
        "https://sns.s3-us-west-2.amazonaws.com" + PATH,
        "https://sns.eu-west-1.amazonaws.com" + PATH,
        METADATA,
    ],
)
async def test_certificate_on_another_host_is_not_fetched(world: World, webhook: Webhook, url: str) -> None:
    world.sns.responses[url] = world.sns.holder.pem
    assert await post(webhook, world.sns.notification(UPLOAD, SigningCertURL=url)) == (403, "forged")
    assert_nothing_happened(world)
    assert world.sns.asked == []


def unread() -> Iterator[bytes]:
    """A body that must not be read."""
    pytest.fail("the body was read")
    yield b""


async def test_message_of_another_topic_is_rejected_unread(world: World, webhook: Webhook) -> None:
    foreign = world.sns.notification(UPLOAD, TopicArn=TOPIC + "-of-others")
    assert await post(webhook, foreign) == (403, "foreign_topic")
    assert await deliver(webhook, unread(), headers_of(foreign)) == (403, "foreign_topic")
    assert world.sns.asked == []


@pytest.mark.parametrize(
    "headers",
    [
        {"x_amz_sns_topic_arn": TOPIC},
        {"x_amz_sns_message_type": "SubscriptionConfirmation", "x_amz_sns_topic_arn": TOPIC},
    ],
)
async def test_headers_that_differ_from_the_body_are_rejected(
    world: World, webhook: Webhook, headers: dict[str, str]
) -> None:
    foreign = world.sns.notification(UPLOAD, TopicArn=TOPIC + "-of-others")
    assert await post(webhook, foreign, **headers) == (403, "forged")
    assert world.sns.asked == []


@pytest.mark.parametrize("kind", ["SubscriptionConfirmation", "UnsubscribeConfirmation"])
async def test_header_type_must_equal_body_type(world: World, webhook: Webhook, kind: str) -> None:
    assert await post(webhook, world.sns.notification(UPLOAD), x_amz_sns_message_type=kind) == (403, "forged")
    assert await post(webhook, world.sns.confirmation(), x_amz_sns_message_type="Notification") == (403, "forged")
    assert_nothing_happened(world)


@pytest.mark.parametrize("kind", ["", "notification", "Alarm"])
async def test_request_without_sns_type_is_rejected_unread(world: World, webhook: Webhook, kind: str) -> None:
    assert await post(webhook, world.sns.notification(UPLOAD), x_amz_sns_message_type=kind) == (403, "not_sns")
    assert await deliver(webhook, [b"{}"], {}) == (403, "not_sns")
    assert_nothing_happened(world)


@pytest.mark.parametrize("said", ["true", "TRUE", "1"])
async def test_raw_delivery_is_rejected(world: World, webhook: Webhook, said: str) -> None:
    assert await post(webhook, world.sns.notification(UPLOAD), x_amz_sns_rawdelivery=said) == (403, "raw")
    assert_nothing_happened(world)


async def test_old_message_is_rejected(world: World, webhook: Webhook) -> None:
    message = world.sns.notification(UPLOAD)
    world.now = NOW + timedelta(hours=1, seconds=1)
    assert await post(webhook, message) == (403, "stale")
    assert_nothing_happened(world)
    world.now = NOW + timedelta(minutes=59)
    assert await post(webhook, message) == (200, "accepted")


async def test_message_from_the_future_gets_503(world: World, webhook: Webhook) -> None:
    message = world.sns.notification(UPLOAD, Timestamp=stamp(NOW + SKEW + timedelta(seconds=1)))
    assert await post(webhook, message) == (503, "early")
    assert_nothing_happened(world)
    world.now += timedelta(seconds=2)
    assert await post(webhook, message) == (200, "accepted")


@pytest.mark.parametrize("days", [(-30, -1), (1, 30)], ids=["expired", "not yet valid"])
async def test_certificate_outside_its_validity_period_is_rejected(
    world: World, webhook: Webhook, days: tuple[int, int]
) -> None:
    world.sns.responses[CERTIFICATE_URL] = world.sns.authority.issue("sns.amazonaws.com", days=days).pem
    assert await post(webhook, world.sns.notification(UPLOAD)) == (503, "certificate")
    assert_nothing_happened(world)


@pytest.mark.parametrize("content", [b"", b"<html>", b"-----BEGIN CERTIFICATE-----\n" * 500])
async def test_invalid_certificate_is_rejected(world: World, webhook: Webhook, content: bytes) -> None:
    world.sns.responses[CERTIFICATE_URL] = content
    assert await post(webhook, world.sns.notification(UPLOAD)) == (503, "certificate")
    assert_nothing_happened(world)


async def test_certificate_for_another_name_is_rejected(world: World, webhook: Webhook) -> None:
    world.sns.responses[CERTIFICATE_URL] = world.sns.authority.issue("sns.us-east-1.amazonaws.com.evil.com").pem
    assert await post(webhook, world.sns.notification(UPLOAD)) == (503, "certificate")
    assert_nothing_happened(world)


async def test_failed_certificate_fetch_gets_503(world: World, webhook: Webhook) -> None:
    there = world.sns.responses.pop(CERTIFICATE_URL)
    message = world.sns.notification(UPLOAD)
    assert await post(webhook, message) == (503, "certificate")
    world.sns.responses[CERTIFICATE_URL] = there
    assert await post(webhook, message) == (200, "accepted")


@pytest.mark.parametrize("subject", ["a\nTimestamp\nb", "a\nMessageId\n00000000-0000-0000-0000-000000000000"])
async def test_signed_subject_with_line_breaks_is_rejected(world: World, webhook: Webhook, subject: str) -> None:
    assert await post(webhook, world.sns.notification(UPLOAD, Subject=subject)) == (403, "forged")
    assert_nothing_happened(world)


async def test_last_duplicate_field_is_verified(world: World, webhook: Webhook) -> None:
    message = world.sns.notification(UPLOAD)
    evil = json.dumps(notification(record("evil.jpg")))
    body = body_of(message)
    first = body.replace(b"{", b'{"Message": ' + evil.encode() + b",", 1)
    last = body[:-1] + b', "Message": ' + evil.encode() + b"}"
    assert await deliver(webhook, [last], headers_of(message)) == (403, "forged")
    assert await deliver(webhook, [first], headers_of(message)) == (200, "accepted")
    assert [sent.key for sent in world.records] == [b"media/photos/a+b.jpg"]


async def test_oversized_body_is_not_read_completely(world: World, webhook: Webhook) -> None:
    read = []

    def endless() -> Iterator[bytes]:
        while True:
            read.append(1)
            yield b"x" * 1000

    headers = headers_of(world.sns.notification(UPLOAD))
    assert await deliver(webhook, endless(), headers) == (413, "too_large")
    assert len(read) == LIMIT // 1000 + 1


async def test_slow_body_times_out(world: World, webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_module, "READ_SECONDS", 0.05)

    async def never() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    raw = [(name.encode(), value.encode()) for name, value in headers_of(world.sns.notification(UPLOAD)).items()]
    answer = await webhook.receive(Request({"type": "http", "method": "POST", "headers": raw}, never))
    assert (answer.status_code, answer.body) == (503, b"cut_off")


async def test_rate_limit_gets_503(world: World) -> None:
    webhook = world.webhook(rate=0.001)
    assert await post(webhook, world.sns.notification(UPLOAD)) == (200, "accepted")
    assert await post(webhook, world.sns.notification(UPLOAD)) == (503, "busy")
    assert len(world.records) == 1


async def test_concurrency_limit_gets_503(world: World) -> None:
    webhook = world.webhook(max_concurrent_requests=2)
    world.kafka.clear()
    held = [asyncio.create_task(post(webhook, world.sns.notification(UPLOAD))) for _ in range(2)]
    await asyncio.wait(held, timeout=0.05)
    assert await post(webhook, world.sns.notification(UPLOAD)) == (503, "busy")
    world.kafka.set()
    assert await asyncio.gather(*held) == [(200, "accepted")] * 2
    assert await post(webhook, world.sns.notification(UPLOAD)) == (200, "accepted")


async def test_unknown_topic_does_not_count_toward_the_rate(world: World) -> None:
    webhook = world.webhook(rate=0.001)
    for _ in range(5):
        assert await post(webhook, world.sns.notification(UPLOAD, TopicArn=TOPIC + "2")) == (403, "foreign_topic")
    assert await post(webhook, world.sns.notification(UPLOAD)) == (200, "accepted")


async def test_rejection_log_is_rate_limited(world: World, webhook: Webhook) -> None:
    with capture_logs() as lines:
        for _ in range(100):
            await post(webhook, world.sns.notification(UPLOAD, TopicArn=TOPIC + "2"))
    assert 1 <= len(lines) <= 20
    assert webhook.counts == {"foreign_topic": 100}


async def test_messages_get_503_until_kafka_is_ready(world: World, webhook: Webhook) -> None:
    webhook.waiting_for = "no Kafka at 127.0.0.1:9"
    assert await post(webhook, world.sns.notification(UPLOAD)) == (503, "not_ready")
    assert (webhook.health().status_code, webhook.health().body) == (503, b"no Kafka at 127.0.0.1:9")
    webhook.waiting_for = ""
    assert (webhook.health().status_code, webhook.health().body) == (200, b"ok")


@pytest.fixture
async def lines() -> AsyncIterator[list[Any]]:
    with capture_logs() as found:
        yield found


async def test_no_secret_is_logged(world: World, webhook: Webhook, lines: list[Any]) -> None:
    confirmation = world.sns.confirmation("secret-token")
    world.failures.append(SubscriptionNotConfirmedError("InvalidParameter"))
    await post(webhook, confirmation)
    await post(webhook, confirmation)
    await post(webhook, {**confirmation, "Signature": "AAAA"})
    await post(webhook, {**confirmation, "Timestamp": "secret-token"})
    await post(webhook, {**confirmation, "SigningCertURL": "https://evil.com/secret-token"})
    await post(webhook, confirmation, x_amz_sns_message_type="secret-token")
    await post(webhook, world.sns.notification("{secret-token"))
    assert len(lines) == 7
    assert "secret" not in repr(lines)
