"""What the webhook answers: to SNS, to whoever pretends to be SNS, and when the world behind it is not well."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from starlette.requests import Request
from structlog.testing import capture_logs

from headrace.connectors.aws.sns_client import SubscriptionNotConfirmedError
from headrace.connectors.webhook import handler as webhook_module
from headrace.connectors.webhook.certificates import CertificateCache
from headrace.connectors.webhook.handler import SKEW, Webhook, WebhookDependencies
from headrace.connectors.webhook.producer import WebhookSendError
from headrace.connectors.webhook.settings import WebhookSettings
from headrace.schemas import topics
from headrace.schemas.messages import ProducerRecord
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

    def clock(self) -> datetime:
        return self.now

    def _may_fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)

    def webhook(self, **settings: Any) -> Webhook:
        """A webhook in this world, ready to take messages."""
        given = {"topic_arns": (TOPIC,), "max_body_bytes": LIMIT, **settings}
        keys = CertificateCache(self.sns.fetch, self.sns.authority.trust, self.clock)
        webhook = Webhook(
            WebhookSettings(**given), WebhookDependencies(keys, self.send, self.confirm, CODEC, self.clock)
        )
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
    """Nothing was taken, and nobody was asked but SNS and its authority for certificates."""
    assert world.records == []
    assert world.confirmed == []
    assert set(world.sns.asked) <= {CERTIFICATE_URL, ISSUER_URL}


@pytest.mark.parametrize("version", ["1", "2"])
async def test_a_signed_notification_becomes_records(world: World, webhook: Webhook, version: str) -> None:
    message = world.sns.notification(UPLOAD, SignatureVersion=version)
    assert await post(webhook, message) == (200, "accepted")
    [sent] = world.records
    assert (sent.topic, sent.key) == (topics.UPLOADED.name, b"media/photos/a+b.jpg")


async def test_a_notification_of_several_records_is_answered_once(world: World, webhook: Webhook) -> None:
    message = world.sns.notification(notification(record("a.jpg"), record("b.jpg")), Subject="Amazon S3 Notification")
    assert await post(webhook, message) == (200, "accepted")
    assert [sent.key for sent in world.records] == [b"media/a.jpg", b"media/b.jpg"]


async def test_of_a_message_nothing_is_used_that_is_not_signed(world: World, webhook: Webhook) -> None:
    unsigned = {"MessageAttributes": {"evil": {"Type": "String", "Value": "evil"}}, "evil": "evil"}
    message = world.sns.notification("just text", Subject="hello")
    assert await post(webhook, {**message, **unsigned}) == (200, "accepted")
    [sent] = world.records
    assert sent.topic == topics.AWS_EVENTS.name
    assert b"just text" in (sent.value or b"")
    assert b"evil" not in (sent.value or b"")


async def test_the_answer_waits_for_kafka(world: World, webhook: Webhook) -> None:
    world.kafka.clear()
    answer = asyncio.create_task(post(webhook, world.sns.notification(UPLOAD)))
    done, _ = await asyncio.wait([answer], timeout=0.05)
    assert not done
    world.kafka.set()
    assert await answer == (200, "accepted")


async def test_what_kafka_has_not_taken_shall_come_again(world: World, webhook: Webhook) -> None:
    message = world.sns.notification(UPLOAD)
    world.failures.append(WebhookSendError("timed out"))
    assert await post(webhook, message) == (503, "not_sent")
    assert await post(webhook, message) == (200, "accepted")
    assert len(world.records) == 1


async def test_a_message_that_comes_again_is_answered_and_not_sent_again(world: World, webhook: Webhook) -> None:
    message = world.sns.notification(UPLOAD)
    assert await post(webhook, message) == (200, "accepted")
    assert await post(webhook, message) == (200, "duplicate")
    assert len(world.records) == 1


async def test_a_message_that_comes_while_it_is_being_taken_shall_come_again(world: World, webhook: Webhook) -> None:
    message = world.sns.notification(UPLOAD)
    world.kafka.clear()
    first = asyncio.create_task(post(webhook, message))
    await asyncio.wait([first], timeout=0.05)
    assert await post(webhook, message) == (503, "under_way")
    world.kafka.set()
    assert await first == (200, "accepted")
    assert len(world.records) == 1


async def test_what_nobody_can_read_is_a_dead_letter_as_it_came(world: World, webhook: Webhook) -> None:
    message = world.sns.notification(
        json.dumps({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put"}]})
    )
    assert await post(webhook, message) == (200, "unreadable")
    [letter] = world.records
    headers = dict(letter.headers)
    assert (letter.topic, letter.key, letter.value) == ("bridge.dlq", message["MessageId"].encode(), body_of(message))
    assert (headers["dlq-code"], headers["dlq-topic-arn"]) == (b"unreadable", TOPIC.encode())
    assert headers["dlq-message"]


async def test_of_what_can_be_read_in_part_that_part_is_taken(world: World, webhook: Webhook) -> None:
    message = world.sns.notification(notification(record("a.jpg"), record("b.jpg", size="large"), record("c.jpg")))
    assert await post(webhook, message) == (200, "unreadable")
    assert [sent.key for sent in world.records[:-1]] == [b"media/a.jpg", b"media/c.jpg"]
    assert (world.records[-1].topic, world.records[-1].value) == ("bridge.dlq", body_of(message))


async def test_what_tells_of_nothing_is_taken(world: World, webhook: Webhook) -> None:
    message = world.sns.notification(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"}))
    assert await post(webhook, message) == (200, "ignored")
    assert world.records == []


async def test_a_subscription_is_confirmed_by_the_api_alone(world: World, webhook: Webhook) -> None:
    message = world.sns.confirmation("t" * 64, SubscribeURL=METADATA)
    assert await post(webhook, message) == (200, "subscribed")
    assert world.confirmed == [(TOPIC, "t" * 64)]
    assert world.sns.asked == [CERTIFICATE_URL, ISSUER_URL]


async def test_a_subscription_that_is_not_confirmed_shall_come_again(world: World, webhook: Webhook) -> None:
    world.failures.append(SubscriptionNotConfirmedError("AuthorizationError"))
    message = world.sns.confirmation()
    assert await post(webhook, message) == (503, "not_confirmed")
    assert await post(webhook, message) == (200, "subscribed")


async def test_an_end_of_a_subscription_is_logged_and_not_undone(world: World, webhook: Webhook) -> None:
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
async def test_a_notification_that_was_changed_is_not_taken(world: World, webhook: Webhook, field: str) -> None:
    message = world.sns.notification(UPLOAD, Subject="Amazon S3 Notification")
    assert await post(webhook, {**message, field: TAMPERED[field]}) == (403, "forged")
    assert_nothing_happened(world)


@pytest.mark.parametrize(
    "field", ["Message", "MessageId", "Subject", "Timestamp", "SigningCertURL", "SignatureVersion"]
)
async def test_a_notification_of_which_something_was_left_out_is_not_taken(
    world: World, webhook: Webhook, field: str
) -> None:
    message = world.sns.notification(UPLOAD, Subject="Amazon S3 Notification")
    del message[field]
    assert await post(webhook, message) == (403, "forged")
    assert_nothing_happened(world)


@pytest.mark.parametrize(
    ("field", "value"),
    [("Token", "evil"), ("SubscribeURL", METADATA), ("Message", "evil"), ("Type", "UnsubscribeConfirmation")],
)
async def test_a_confirmation_that_was_changed_is_not_taken(
    world: World, webhook: Webhook, field: str, value: str
) -> None:
    assert await post(webhook, {**world.sns.confirmation(), field: value}) == (403, "forged")
    assert_nothing_happened(world)


@pytest.mark.parametrize(("said", "used"), [("1", "2"), ("2", "1")])
async def test_a_signature_of_the_other_version_is_not_taken(
    world: World, webhook: Webhook, said: str, used: str
) -> None:
    message = world.sns.notification(UPLOAD, SignatureVersion=used)
    assert await post(webhook, {**message, "SignatureVersion": said}) == (403, "forged")
    assert_nothing_happened(world)


async def test_a_message_that_is_signed_with_another_key_is_not_taken(world: World, webhook: Webhook) -> None:
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
async def test_a_certificate_that_lies_anywhere_else_is_not_asked_for(world: World, webhook: Webhook, url: str) -> None:
    world.sns.responses[url] = world.sns.holder.pem
    assert await post(webhook, world.sns.notification(UPLOAD, SigningCertURL=url)) == (403, "forged")
    assert_nothing_happened(world)
    assert world.sns.asked == []


def unread() -> Iterator[bytes]:
    """A body that must not be read."""
    pytest.fail("the body was read")
    yield b""


async def test_a_message_of_another_topic_is_not_even_read(world: World, webhook: Webhook) -> None:
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
async def test_headers_that_say_something_else_than_the_body_do_not_help(
    world: World, webhook: Webhook, headers: dict[str, str]
) -> None:
    foreign = world.sns.notification(UPLOAD, TopicArn=TOPIC + "-of-others")
    assert await post(webhook, foreign, **headers) == (403, "forged")
    assert world.sns.asked == []


@pytest.mark.parametrize("kind", ["SubscriptionConfirmation", "UnsubscribeConfirmation"])
async def test_a_type_in_the_headers_must_be_that_of_the_body(world: World, webhook: Webhook, kind: str) -> None:
    assert await post(webhook, world.sns.notification(UPLOAD), x_amz_sns_message_type=kind) == (403, "forged")
    assert await post(webhook, world.sns.confirmation(), x_amz_sns_message_type="Notification") == (403, "forged")
    assert_nothing_happened(world)


@pytest.mark.parametrize("kind", ["", "notification", "Alarm"])
async def test_what_does_not_say_that_it_is_of_sns_is_not_read(world: World, webhook: Webhook, kind: str) -> None:
    assert await post(webhook, world.sns.notification(UPLOAD), x_amz_sns_message_type=kind) == (403, "not_sns")
    assert await deliver(webhook, [b"{}"], {}) == (403, "not_sns")
    assert_nothing_happened(world)


@pytest.mark.parametrize("said", ["true", "TRUE", "1"])
async def test_a_raw_delivery_is_refused(world: World, webhook: Webhook, said: str) -> None:
    assert await post(webhook, world.sns.notification(UPLOAD), x_amz_sns_rawdelivery=said) == (403, "raw")
    assert_nothing_happened(world)


async def test_an_old_message_is_a_replay(world: World, webhook: Webhook) -> None:
    message = world.sns.notification(UPLOAD)
    world.now = NOW + timedelta(hours=1, seconds=1)
    assert await post(webhook, message) == (403, "stale")
    assert_nothing_happened(world)
    world.now = NOW + timedelta(minutes=59)
    assert await post(webhook, message) == (200, "accepted")


async def test_a_message_from_the_future_shall_come_again(world: World, webhook: Webhook) -> None:
    message = world.sns.notification(UPLOAD, Timestamp=stamp(NOW + SKEW + timedelta(seconds=1)))
    assert await post(webhook, message) == (503, "early")
    assert_nothing_happened(world)
    world.now += timedelta(seconds=2)
    assert await post(webhook, message) == (200, "accepted")


@pytest.mark.parametrize("days", [(-30, -1), (1, 30)], ids=["expired", "not yet valid"])
async def test_a_certificate_out_of_its_time_proves_nothing(
    world: World, webhook: Webhook, days: tuple[int, int]
) -> None:
    world.sns.responses[CERTIFICATE_URL] = world.sns.authority.issue("sns.amazonaws.com", days=days).pem
    assert await post(webhook, world.sns.notification(UPLOAD)) == (503, "certificate")
    assert_nothing_happened(world)


@pytest.mark.parametrize("content", [b"", b"<html>", b"-----BEGIN CERTIFICATE-----\n" * 500])
async def test_what_is_no_certificate_proves_nothing(world: World, webhook: Webhook, content: bytes) -> None:
    world.sns.responses[CERTIFICATE_URL] = content
    assert await post(webhook, world.sns.notification(UPLOAD)) == (503, "certificate")
    assert_nothing_happened(world)


async def test_a_certificate_for_another_name_proves_nothing(world: World, webhook: Webhook) -> None:
    world.sns.responses[CERTIFICATE_URL] = world.sns.authority.issue("sns.us-east-1.amazonaws.com.evil.com").pem
    assert await post(webhook, world.sns.notification(UPLOAD)) == (503, "certificate")
    assert_nothing_happened(world)


async def test_a_message_whose_certificate_cannot_be_had_shall_come_again(world: World, webhook: Webhook) -> None:
    there = world.sns.responses.pop(CERTIFICATE_URL)
    message = world.sns.notification(UPLOAD)
    assert await post(webhook, message) == (503, "certificate")
    world.sns.responses[CERTIFICATE_URL] = there
    assert await post(webhook, message) == (200, "accepted")


@pytest.mark.parametrize("subject", ["a\nTimestamp\nb", "a\nMessageId\n00000000-0000-0000-0000-000000000000"])
async def test_a_subject_with_line_breaks_is_not_taken_though_it_is_signed(
    world: World, webhook: Webhook, subject: str
) -> None:
    assert await post(webhook, world.sns.notification(UPLOAD, Subject=subject)) == (403, "forged")
    assert_nothing_happened(world)


async def test_the_second_of_two_fields_of_a_name_is_the_one_that_is_verified(world: World, webhook: Webhook) -> None:
    message = world.sns.notification(UPLOAD)
    evil = json.dumps(notification(record("evil.jpg")))
    body = body_of(message)
    first = body.replace(b"{", b'{"Message": ' + evil.encode() + b",", 1)
    last = body[:-1] + b', "Message": ' + evil.encode() + b"}"
    assert await deliver(webhook, [last], headers_of(message)) == (403, "forged")
    assert await deliver(webhook, [first], headers_of(message)) == (200, "accepted")
    assert [sent.key for sent in world.records] == [b"media/photos/a+b.jpg"]


async def test_a_body_that_is_too_large_is_not_read_to_its_end(world: World, webhook: Webhook) -> None:
    read = []

    def endless() -> Iterator[bytes]:
        while True:
            read.append(1)
            yield b"x" * 1000

    headers = headers_of(world.sns.notification(UPLOAD))
    assert await deliver(webhook, endless(), headers) == (413, "too_large")
    assert len(read) == LIMIT // 1000 + 1


async def test_a_body_that_does_not_come_is_not_waited_for(
    world: World, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_module, "READ_SECONDS", 0.05)

    async def never() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    raw = [(name.encode(), value.encode()) for name, value in headers_of(world.sns.notification(UPLOAD)).items()]
    answer = await webhook.receive(Request({"type": "http", "method": "POST", "headers": raw}, never))
    assert (answer.status_code, answer.body) == (503, b"cut_off")


async def test_over_its_rate_the_webhook_asks_to_come_again(world: World) -> None:
    webhook = world.webhook(rate=0.001)
    assert await post(webhook, world.sns.notification(UPLOAD)) == (200, "accepted")
    assert await post(webhook, world.sns.notification(UPLOAD)) == (503, "busy")
    assert len(world.records) == 1


async def test_over_so_many_at_a_time_the_webhook_asks_to_come_again(world: World) -> None:
    webhook = world.webhook(at_once=2)
    world.kafka.clear()
    held = [asyncio.create_task(post(webhook, world.sns.notification(UPLOAD))) for _ in range(2)]
    await asyncio.wait(held, timeout=0.05)
    assert await post(webhook, world.sns.notification(UPLOAD)) == (503, "busy")
    world.kafka.set()
    assert await asyncio.gather(*held) == [(200, "accepted")] * 2
    assert await post(webhook, world.sns.notification(UPLOAD)) == (200, "accepted")


async def test_who_does_not_know_the_topic_does_not_use_up_the_rate(world: World) -> None:
    webhook = world.webhook(rate=0.001)
    for _ in range(5):
        assert await post(webhook, world.sns.notification(UPLOAD, TopicArn=TOPIC + "2")) == (403, "foreign_topic")
    assert await post(webhook, world.sns.notification(UPLOAD)) == (200, "accepted")


async def test_a_flood_of_forgeries_is_not_a_flood_of_lines(world: World, webhook: Webhook) -> None:
    with capture_logs() as lines:
        for _ in range(100):
            await post(webhook, world.sns.notification(UPLOAD, TopicArn=TOPIC + "2"))
    assert 1 <= len(lines) <= 20
    assert webhook.counts == {"foreign_topic": 100}


async def test_until_kafka_is_there_messages_shall_come_again(world: World, webhook: Webhook) -> None:
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
