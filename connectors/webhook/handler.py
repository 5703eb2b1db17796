"""What the webhook answers: SNS is told that a message was taken once Kafka has every record of it.

To SNS, 4xx says that a message must never come again, and 5xx that it should. So whatever may be our own trouble (the
broker, the clock, a certificate that cannot be had) is answered with 5xx, and only what no change of ours would make
good with 4xx. Source: Amazon SNS Developer Guide, "Message delivery retries".
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from headrace.connectors.aws.sns_client import SubscriptionNotConfirmedError
from headrace.connectors.events.dead_letters import rejected_message
from headrace.connectors.events.encoder import encode_message, encode_valid_parts
from headrace.connectors.events.results import Ignored, Rejected
from headrace.connectors.webhook.certificates import CertificateFetchError
from headrace.connectors.webhook.limits import DedupCache
from headrace.connectors.webhook.producer import WebhookSendError
from headrace.connectors.webhook.settings import WebhookSettings
from headrace.connectors.webhook.sns_signature import (
    CONFIRMATION,
    NOTIFICATION,
    SIGNED,
    InvalidSignatureError,
    SnsMessage,
    parse_sns_message,
)
from headrace.connectors.webhook.x509 import SigningKey, UntrustedCertificateError
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.runtime.token_bucket import TokenBucket
from headrace.schemas.serde.codec import Codec

REMEMBERED = 100_000
READ_SECONDS = 10.0
SKEW = timedelta(minutes=5)
LINES_A_SECOND = 10.0

log = structlog.get_logger("headrace")


class SigningKeys(Protocol):
    """Whoever knows the keys that SNS signs with."""

    async def key(self, message: SnsMessage) -> SigningKey:
        """Give the key that a message names. Raises `NotFetched` or `Untrusted`."""


@dataclass(frozen=True, slots=True)
class WebhookDependencies:
    """What the webhook needs of the world. `confirm` is given a topic's ARN and a token, and blocks."""

    keys: SigningKeys
    send: Callable[[Sequence[ProducerRecord]], Awaitable[None]]
    confirm: Callable[[str, str], None]
    codec: Codec
    clock: Callable[[], datetime]


class WebhookRejection(Exception):
    """A request is not taken: the status that says whether it should come again, a code, and why in words of ours."""

    def __init__(self, status: int, code: str, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.code = code


class Webhook:
    """Answers the requests of SNS. `waiting_for` says what is not there yet without which nothing is taken."""

    def __init__(self, settings: WebhookSettings, outside: WebhookDependencies) -> None:
        self._settings = settings
        self._outside = outside
        self._bucket = TokenBucket(settings.rate, start_full=True)
        self._lines = TokenBucket(LINES_A_SECOND, start_full=True)
        self._done = DedupCache(settings.max_age_seconds, REMEMBERED, time.monotonic)
        self._under_way: set[str] = set()
        self._at_work = 0
        self.counts: Counter[str] = Counter()
        self.waiting_for = "looking for Kafka"

    def health(self) -> Response:
        """Say whether messages are taken."""
        return PlainTextResponse(self.waiting_for or "ok", 503 if self.waiting_for else 200)

    async def receive(self, request: Request) -> Response:
        """Answer one request."""
        self._at_work += 1
        try:
            outcome = await self._take(request)
        except WebhookRejection as refusal:
            self.counts[refusal.code] += 1
            if self._lines.take():  # a flood of forgeries is not to become one of lines
                log.warning("refused", code=refusal.code, status=refusal.status, why=str(refusal))
            return PlainTextResponse(refusal.code, refusal.status)
        finally:
            self._at_work -= 1
        self.counts[outcome] += 1
        return PlainTextResponse(outcome)

    async def _take(self, request: Request) -> str:
        kind, topic_arn = self._check_headers(request)
        if self.waiting_for:
            raise WebhookRejection(503, "not_ready", self.waiting_for)
        if self._at_work > self._settings.at_once:
            raise WebhookRejection(503, "busy", f"more than {self._settings.at_once} requests at a time")
        if not self._bucket.take():
            raise WebhookRejection(503, "busy", f"more than {self._settings.rate:g} requests a second")
        body = await _body(request, self._settings.max_body_bytes)
        found = await self._authentic(body, kind, topic_arn)
        if found.type == NOTIFICATION:
            return await self._deduplicate(found, body)
        if found.type == CONFIRMATION:
            return await self._confirm(found)
        log.warning("unsubscribed", topic=found.topic_arn)
        return "unsubscribed"

    def _check_headers(self, request: Request) -> tuple[str, str]:
        """Read from the headers what kind of message comes, of which topic: most of what is not SNS's ends here."""
        headers = request.headers
        if headers.get("x-amz-sns-rawdelivery", "false").lower() != "false":
            raise WebhookRejection(
                403, "raw", "a raw delivery has no signature: turn raw delivery off for this subscription"
            )
        kind, topic_arn = headers.get("x-amz-sns-message-type", ""), headers.get("x-amz-sns-topic-arn", "")
        if kind not in SIGNED:
            raise WebhookRejection(403, "not_sns", "the header x-amz-sns-message-type names no type that SNS has")
        if topic_arn not in self._settings.topic_arns:
            raise WebhookRejection(403, "foreign_topic", "the topic is not in HEADRACE_WEBHOOK_TOPIC_ARNS")
        return kind, topic_arn

    async def _authentic(self, body: bytes, kind: str, topic_arn: str) -> SnsMessage:
        """Give the message of a body, of which SNS has signed every part that is used."""
        try:
            found = parse_sns_message(body)
        except InvalidSignatureError as error:
            raise WebhookRejection(403, "forged", str(error)) from None
        if (found.type, found.topic_arn) != (kind, topic_arn):
            raise WebhookRejection(403, "forged", "the body is of another type or topic than the headers say")
        self._check_age(found.sent_at)
        proof = found.signature
        try:
            key = await self._outside.keys.key(found)
        except (CertificateFetchError, UntrustedCertificateError) as error:
            raise WebhookRejection(
                503, "certificate", f"no certificate of SNS at {proof.certificate_url}: {error}"
            ) from None
        if not key.has_signed(proof.text, proof.signature, proof.digest):
            raise WebhookRejection(403, "forged", "the signature is of another text or key")
        return found

    def _check_age(self, sent_at: datetime) -> None:
        age = self._outside.clock() - sent_at
        if age > timedelta(seconds=self._settings.max_age_seconds):
            raise WebhookRejection(403, "stale", f"older than {self._settings.max_age_seconds:g} s")
        if age < -SKEW:
            raise WebhookRejection(503, "early", "from the future: is this machine's clock slow?")

    async def _deduplicate(self, found: SnsMessage, body: bytes) -> str:
        if found.id in self._done:
            return "duplicate"
        if found.id in self._under_way:
            raise WebhookRejection(503, "under_way", "the same message is being taken already")
        self._under_way.add(found.id)
        try:
            outcome = await self._publish(found, body)
        except WebhookSendError as error:
            raise WebhookRejection(503, "not_sent", f"Kafka has not taken it: {error}") from None
        finally:
            self._under_way.discard(found.id)
        self._done.add(found.id)
        return outcome

    async def _publish(self, found: SnsMessage, body: bytes) -> str:
        """Send what a message tells of, and wait until it is durable."""
        now = self._outside.clock()
        records = encode_message(found.document, now, self._outside.codec)
        if isinstance(records, Ignored):
            return "ignored"
        if isinstance(records, Rejected):
            log.warning("unreadable", message=found.id, code=records.code, why=records.reason)
            rest = encode_valid_parts(records, self._outside.codec)
            origin = {"dlq-topic-arn": found.topic_arn, "dlq-sns-message": found.id}
            letter = rejected_message(found.id, body, records, (now, now), origin)
            await self._outside.send([*rest, letter])
            return "unreadable"
        await self._outside.send(records)
        return "accepted"

    async def _confirm(self, found: SnsMessage) -> str:
        """Confirm by the API alone: the address that the message gives for it is never asked."""
        try:
            await asyncio.to_thread(self._outside.confirm, found.topic_arn, found.token)
        except SubscriptionNotConfirmedError as error:
            raise WebhookRejection(503, "not_confirmed", f"SNS does not confirm the subscription: {error}") from None
        log.info("subscribed", topic=found.topic_arn)
        return "subscribed"


async def _body(request: Request, most: int) -> bytes:
    """Read a body, and stop as soon as it is too large or takes too long."""
    content = bytearray()
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for chunk in request.stream():
                content += chunk
                if len(content) > most:
                    raise WebhookRejection(
                        413, "too_large", f"more than {most} bytes (HEADRACE_WEBHOOK_MAX_BODY_BYTES)"
                    )
    except (TimeoutError, ClientDisconnect):
        raise WebhookRejection(503, "cut_off", f"the body was not here in {READ_SECONDS:g} s") from None
    return bytes(content)
