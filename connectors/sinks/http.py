"""Deliver by HTTP POST, signed by Standard Webhooks, to public addresses only.

Sources: Standard Webhooks specification 1.0; RFC 9110, 10.2.3 (Retry-After).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass

from headrace.connectors.sinks.base import InvalidTargetError, Sink, SinkKind, SinkSettings
from headrace.connectors.sinks.http_client import (
    HttpResponse,
    HttpTarget,
    post,
    resolve_secret,
    validate_url,
)
from headrace.connectors.sinks.oauth import TokenCache, client_of
from headrace.schemas.delivery import Delivery, DeliveryError

MOST_BYTES = 1024 * 1024
SECONDS = 10.0
KNOWN = {"secret", "headers", "allow_private", "timeout_seconds", "oauth"}


@dataclass(frozen=True, slots=True)
class HttpEndpoint:
    """A target URL with its signing secret, headers and bearer tokens."""

    address: HttpTarget
    secret: bytes
    headers: Mapping[str, str]
    tokens: TokenCache | None = None


def http_sink(url: str, settings: SinkSettings) -> Sink:
    """Create a sink that posts to a URL. Raises `InvalidTargetError`."""
    endpoint = _endpoint(url, settings)

    async def deliver(delivery: Delivery) -> None:
        body = delivery.body.encode()
        if len(body) > MOST_BYTES:
            raise DeliveryError(
                "permanent", "too_large", f"{len(body):,} bytes, and the sink sends at most {MOST_BYTES:,}"
            )
        answer = await _posted(endpoint, delivery, body)
        if answer.status == 401 and endpoint.tokens is not None:  # the token may have been revoked
            answer = await _posted(endpoint, delivery, body)
        _judge(answer)

    return deliver


async def _posted(endpoint: HttpEndpoint, delivery: Delivery, body: bytes) -> HttpResponse:
    headers = _headers(endpoint, delivery, body)
    if endpoint.tokens is None:
        return await post(endpoint.address, body, headers)
    token = await endpoint.tokens.token()
    answer = await post(endpoint.address, body, {**headers, "authorization": f"Bearer {token}"})
    if answer.status == 401:
        endpoint.tokens.invalidate(token)
    return answer


def signature(secret: bytes, id_: str, moment: int, body: bytes) -> str:
    """Return the signature header of a delivery."""
    digest = hmac.new(secret, f"{id_}.{moment}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def _headers(endpoint: HttpEndpoint, delivery: Delivery, body: bytes) -> dict[str, str]:
    moment = int(time.time())
    found = {
        "content-type": "application/json",
        "user-agent": "headrace",
        "webhook-id": delivery.id,
        "webhook-timestamp": str(moment),
        **endpoint.headers,
    }
    return found | (
        {"webhook-signature": signature(endpoint.secret, delivery.id, moment, body)} if endpoint.secret else {}
    )


def _judge(answer: HttpResponse) -> None:
    """Raise `DeliveryError` for a response other than 2xx."""
    status, after = answer.status, float(answer.retry_after) if answer.retry_after.isdecimal() else 0.0
    if 200 <= status < 300:
        return
    reason = f"HTTP {status}: {answer.body.decode(errors='replace').strip()}"
    if status in (429, 503):
        raise DeliveryError("throttled", f"http_{status}", reason, after)
    if status in (408, 425) or status >= 500:
        raise DeliveryError("transient", f"http_{status}", reason, after)
    raise DeliveryError("permanent", f"http_{status}", reason)


def _endpoint(url: str, settings: SinkSettings) -> HttpEndpoint:
    if unknown := sorted(settings.keys() - KNOWN):
        raise InvalidTargetError(f"{unknown[0]}: unknown setting; known: {', '.join(sorted(KNOWN))}")
    private = settings.get("allow_private", False)
    validate_url(url, private)
    headers = settings.get("headers", {})
    if not isinstance(headers, Mapping):
        raise InvalidTargetError("headers = { NAME = 'env:VARIABLE' }")
    seconds = settings.get("timeout_seconds", SECONDS)
    if not isinstance(seconds, int | float) or not 0 < seconds <= 60:
        raise InvalidTargetError(f"timeout_seconds: more than 0 and at most 60, not {seconds!r}")
    return HttpEndpoint(
        HttpTarget(url, private, float(seconds)),
        resolve_secret(settings["secret"]).encode() if "secret" in settings else b"",
        {str(name): resolve_secret(value) for name, value in headers.items()},
        TokenCache(client_of(settings["oauth"], private, float(seconds))) if "oauth" in settings else None,
    )


SINK = SinkKind("http", http_sink)
