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

from headrace.connectors.aws.object_head import HeadObject, ObjectHeadUnavailableError, no_head
from headrace.connectors.aws.sns_client import SubscriptionNotConfirmedError
from headrace.connectors.events.dead_letters import rejected_message
from headrace.connectors.events.encoder import encode_events, encode_valid_parts
from headrace.connectors.events.parser import parse_message
from headrace.connectors.events.results import Ignored, ParseResult, Rejected
from headrace.connectors.events.version_order import needs_head, order_versions
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
LOG_LINES_PER_SECOND = 10.0

log = structlog.get_logger("headrace")


class SigningKeys(Protocol):
    """Source of SNS signing keys."""

    async def key(self, message: SnsMessage) -> SigningKey:
        """Return the key of a message. Raises `CertificateFetchError` or `UntrustedCertificateError`."""


@dataclass(frozen=True, slots=True)
class WebhookDependencies:
    """Dependencies of the webhook. `confirm` takes a topic ARN and a token. It and `head_object` block."""

    keys: SigningKeys
    send: Callable[[Sequence[ProducerRecord]], Awaitable[None]]
    confirm: Callable[[str, str], None]
    codec: Codec
    clock: Callable[[], datetime]
    head_object: HeadObject = no_head


class WebhookRejection(Exception):
    """A request is rejected with an HTTP status, a stable code and a reason."""

    def __init__(self, status: int, code: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.code = code


class Webhook:
    """Handles the requests of SNS. While `waiting_for` is not empty, every message gets 503."""

    def __init__(self, settings: WebhookSettings, dependencies: WebhookDependencies) -> None:
        self._settings = settings
        self._dependencies = dependencies
        self._bucket = TokenBucket(settings.rate, start_full=True)
        self._log_limit = TokenBucket(LOG_LINES_PER_SECOND, start_full=True)
        self._accepted = DedupCache(settings.max_age_seconds, REMEMBERED, time.monotonic)
        self._in_progress: set[str] = set()
        self._active = 0
        self.counts: Counter[str] = Counter()
        self.waiting_for = "waiting for Kafka"

    def health(self) -> Response:
        """Return 200 if messages are accepted, else 503."""
        return PlainTextResponse(self.waiting_for or "ok", 503 if self.waiting_for else 200)

    async def receive(self, request: Request) -> Response:
        """Handle one request."""
        self._active += 1
        try:
            outcome = await self._process(request)
        except WebhookRejection as rejection:
            self.counts[rejection.code] += 1
            if self._log_limit.take():  # limits the log lines of a flood of forged requests
                log.warning("request_rejected", code=rejection.code, status=rejection.status, reason=str(rejection))
            return PlainTextResponse(rejection.code, rejection.status)
        finally:
            self._active -= 1
        self.counts[outcome] += 1
        return PlainTextResponse(outcome)

    async def _process(self, request: Request) -> str:
        kind, topic_arn = self._check_headers(request)
        if self.waiting_for:
            raise WebhookRejection(503, "not_ready", self.waiting_for)
        if self._active > self._settings.max_concurrent_requests:
            raise WebhookRejection(
                503, "busy", f"more than {self._settings.max_concurrent_requests} concurrent requests"
            )
        if not self._bucket.take():
            raise WebhookRejection(503, "busy", f"more than {self._settings.rate:g} requests a second")
        body = await _body(request, self._settings.max_body_bytes)
        message = await self._verify(body, kind, topic_arn)
        if message.type == NOTIFICATION:
            return await self._deduplicate(message, body)
        if message.type == CONFIRMATION:
            return await self._confirm(message)
        log.warning("unsubscribed", topic=message.topic_arn)
        return "unsubscribed"

    def _check_headers(self, request: Request) -> tuple[str, str]:
        """Return the message type and the topic ARN. Rejects most requests that are not from SNS."""
        headers = request.headers
        if headers.get("x-amz-sns-rawdelivery", "false").lower() != "false":
            raise WebhookRejection(
                403, "raw", "raw message delivery has no signature: disable RawMessageDelivery for this subscription"
            )
        kind, topic_arn = headers.get("x-amz-sns-message-type", ""), headers.get("x-amz-sns-topic-arn", "")
        if kind not in SIGNED:
            raise WebhookRejection(403, "not_sns", "the header x-amz-sns-message-type has an unknown value")
        if topic_arn not in self._settings.topic_arns:
            raise WebhookRejection(403, "foreign_topic", "the topic is not in HEADRACE_WEBHOOK_TOPIC_ARNS")
        return kind, topic_arn

    async def _verify(self, body: bytes, kind: str, topic_arn: str) -> SnsMessage:
        """Parse a body and verify its signature."""
        try:
            message = parse_sns_message(body)
        except InvalidSignatureError as error:
            raise WebhookRejection(403, "forged", str(error)) from None
        if (message.type, message.topic_arn) != (kind, topic_arn):
            raise WebhookRejection(403, "forged", "type or topic of the body differs from the headers")
        self._check_age(message.sent_at)
        proof = message.signature
        try:
            key = await self._dependencies.keys.key(message)
        except (CertificateFetchError, UntrustedCertificateError) as error:
            raise WebhookRejection(
                503, "certificate", f"no valid SNS certificate at {proof.certificate_url}: {error}"
            ) from None
        if not key.has_signed(proof.text, proof.signature, proof.digest):
            raise WebhookRejection(403, "forged", "the signature does not match the message")
        return message

    def _check_age(self, sent_at: datetime) -> None:
        age = self._dependencies.clock() - sent_at
        if age > timedelta(seconds=self._settings.max_age_seconds):
            raise WebhookRejection(403, "stale", f"older than {self._settings.max_age_seconds:g} s")
        if age < -SKEW:
            raise WebhookRejection(503, "early", "timestamp in the future: check the clock of this host")

    async def _deduplicate(self, message: SnsMessage, body: bytes) -> str:
        if message.id in self._accepted:
            return "duplicate"
        if message.id in self._in_progress:
            raise WebhookRejection(503, "under_way", "the same message is already being processed")
        self._in_progress.add(message.id)
        try:
            outcome = await self._publish(message, body)
        except WebhookSendError as error:
            raise WebhookRejection(503, "not_sent", f"Kafka did not acknowledge the records: {error}") from None
        finally:
            self._in_progress.discard(message.id)
        self._accepted.add(message.id)
        return outcome

    async def _publish(self, message: SnsMessage, body: bytes) -> str:
        """Send the records of a message and wait until they are durable."""
        now = self._dependencies.clock()
        parsed = await self._ordered(parse_message(message.document, now))
        records = encode_events(parsed, self._dependencies.codec)
        if isinstance(records, Ignored):
            return "ignored"
        if isinstance(records, Rejected):
            log.warning("message_rejected", message=message.id, code=records.code, reason=records.reason)
            rest = encode_valid_parts(records, self._dependencies.codec)
            origin = {"dlq-topic-arn": message.topic_arn, "dlq-sns-message": message.id}
            letter = rejected_message(message.id, body, records, (now, now), origin)
            await self._dependencies.send([*rest, letter])
            return "unreadable"
        await self._dependencies.send(records)
        return "accepted"

    async def _ordered(self, parsed: ParseResult) -> ParseResult:
        """Order uploads without a sequencer. Messages without such uploads need no thread."""
        if isinstance(parsed, Ignored) or not any(map(needs_head, parsed.events)):
            return parsed
        try:
            return await asyncio.to_thread(order_versions, parsed, self._dependencies.head_object)
        except ObjectHeadUnavailableError as error:
            raise WebhookRejection(503, "not_ordered", f"S3 does not answer a HEAD request: {error}") from None

    async def _confirm(self, message: SnsMessage) -> str:
        """Confirm by the SNS API. The URL in the message is never called."""
        try:
            await asyncio.to_thread(self._dependencies.confirm, message.topic_arn, message.token)
        except SubscriptionNotConfirmedError as error:
            raise WebhookRejection(503, "not_confirmed", f"SNS did not confirm the subscription: {error}") from None
        log.info("subscribed", topic=message.topic_arn)
        return "subscribed"


async def _body(request: Request, limit: int) -> bytes:
    """Read a body with a size limit and a timeout."""
    content = bytearray()
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for chunk in request.stream():
                content += chunk
                if len(content) > limit:
                    raise WebhookRejection(
                        413, "too_large", f"more than {limit} bytes (HEADRACE_WEBHOOK_MAX_BODY_BYTES)"
                    )
    except (TimeoutError, ClientDisconnect):
        raise WebhookRejection(503, "cut_off", f"the body was not complete within {READ_SECONDS:g} s") from None
    return bytes(content)
