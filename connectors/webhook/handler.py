"""Handle SNS requests: respond 200 once Kafka has acknowledged every record of a message.

SNS discards a message after 4xx and retries it after 5xx. Temporary and local errors (broker, clock, certificate) are
therefore 5xx, and only permanent errors of the request are 4xx.

Source: Amazon SNS Developer Guide, "Message delivery retries".
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
    """Source of SNS signing keys."""

    async def key(self, message: SnsMessage) -> SigningKey:
        """Return the key of a message. Raises `CertificateFetchError` or `UntrustedCertificateError`."""


@dataclass(frozen=True, slots=True)
class WebhookDependencies:
    """Dependencies of the webhook. `confirm` takes a topic ARN and a token, and blocks."""

    keys: SigningKeys
    send: Callable[[Sequence[ProducerRecord]], Awaitable[None]]
    confirm: Callable[[str, str], None]
    codec: Codec
    clock: Callable[[], datetime]


class WebhookRejection(Exception):
    """A request is rejected with an HTTP status, a stable code and a reason."""

    def __init__(self, status: int, code: str, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.code = code


class Webhook:
    """Handles the requests of SNS. While `waiting_for` is not empty, every message gets 503."""

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
        """Return 200 if messages are accepted, else 503."""
        return PlainTextResponse(self.waiting_for or "ok", 503 if self.waiting_for else 200)

    async def receive(self, request: Request) -> Response:
        """Handle one request."""
        self._at_work += 1
        try:
            outcome = await self._take(request)
        except WebhookRejection as refusal:
            self.counts[refusal.code] += 1
            if self._lines.take():  # limits the log lines of a flood of forged requests
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
        """Return the message type and the topic ARN. Rejects most requests that are not from SNS."""
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
        """Parse a body and verify its signature."""
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
        """Send the records of a message and wait until they are durable."""
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
        """Confirm by the SNS API. The URL in the message is never called."""
        try:
            await asyncio.to_thread(self._outside.confirm, found.topic_arn, found.token)
        except SubscriptionNotConfirmedError as error:
            raise WebhookRejection(503, "not_confirmed", f"SNS does not confirm the subscription: {error}") from None
        log.info("subscribed", topic=found.topic_arn)
        return "subscribed"


async def _body(request: Request, most: int) -> bytes:
    """Read a body with a size limit and a timeout."""
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
