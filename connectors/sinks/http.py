"""Deliver by HTTP POST, signed by Standard Webhooks, to public addresses only.

A response 410 disables the target until the sink is created again.

Sources: Standard Webhooks specification 1.0; RFC 9110, 10.2.3 (Retry-After).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from headrace.connectors.aws.client import AwsSession
from headrace.connectors.sinks.base import InvalidTargetError, Sink, SinkKind, SinkSettings
from headrace.connectors.sinks.http_client import (
    HttpResponse,
    HttpTarget,
    post,
    resolve_secret,
    validate_url,
    without_secrets,
)
from headrace.connectors.sinks.oauth import VARIABLE, TokenCache, client_of
from headrace.connectors.sinks.settings import TargetSettings
from headrace.schemas.cloudevents import timestamp
from headrace.schemas.delivery import Delivery, DeliveryError
from headrace.schemas.parsing import InvalidValueError, parse_retry_after
from headrace.schemas.redaction import redact
from headrace.schemas.settings import load

MAX_BYTES = 1024 * 1024
SECONDS = 10.0
KNOWN = {"secret", "headers", "timeout_seconds", "oauth"}
LONGEST_SECONDS = 60.0
RESERVED_HEADERS = frozenset(
    """
    host content-length content-type transfer-encoding connection upgrade te trailer expect accept-encoding user-agent
    webhook-id webhook-timestamp webhook-signature
    """.split()  # noqa: SIM905 - a list of 14 strings would take 14 lines
)

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
"""Source: RFC 9110, 5.6.2 (token)."""

log = structlog.get_logger("headrace")


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
    gone_since = ""

    async def deliver(delivery: Delivery) -> None:
        nonlocal gone_since
        if gone_since:
            raise DeliveryError("permanent", "target_disabled", _disabled(gone_since))
        body = delivery.body.encode()
        if len(body) > MAX_BYTES:
            raise DeliveryError(
                "permanent", "too_large", f"{len(body):,} bytes, and the sink sends at most {MAX_BYTES:,}"
            )
        answer = await _posted(endpoint, delivery, body)
        if answer.status == 401 and endpoint.tokens is not None:  # the token may have been revoked
            answer = await _posted(endpoint, delivery, body)
        if answer.status == 410:
            gone_since = timestamp(datetime.now(UTC))
            log.error("target_disabled", url=redact(url), reason=_disabled(gone_since))
            raise DeliveryError("permanent", "http_410", _disabled(gone_since))
        _judge(answer)

    return deliver


def _disabled(since: str) -> str:
    return (
        f"the target answered 410 Gone at {since}, so this worker sends it no more deliveries. To enable it again: "
        "restart the worker or apply a changed rule, then headrace replay redrive"
    )


async def _posted(endpoint: HttpEndpoint, delivery: Delivery, body: bytes) -> HttpResponse:
    headers = _headers(endpoint, delivery, body)
    secrets = [*endpoint.headers.values(), endpoint.secret.decode()]
    if endpoint.tokens is None:
        return without_secrets(await post(endpoint.address, body, headers), secrets)
    token = await endpoint.tokens.token()
    answer = await post(endpoint.address, body, {**headers, "authorization": f"Bearer {token}"})
    if answer.status == 401:
        endpoint.tokens.invalidate(token)
    return without_secrets(answer, [*secrets, token])


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
    status, after = answer.status, _wait(answer.retry_after)
    if 200 <= status < 300:
        return
    reason = f"HTTP {status}: {answer.body.decode(errors='replace').strip()}"
    if status in (429, 503):
        raise DeliveryError("throttled", f"http_{status}", reason, after)
    if status in (408, 425) or status >= 500:
        raise DeliveryError("transient", f"http_{status}", reason, after)
    raise DeliveryError("permanent", f"http_{status}", reason)


def _wait(retry_after: str) -> float:
    """Return the seconds of a Retry-After header; 0 without a valid one."""
    try:
        return parse_retry_after(retry_after, datetime.now(UTC)) if retry_after else 0.0
    except InvalidValueError:
        return 0.0


def _endpoint(url: str, settings: SinkSettings) -> HttpEndpoint:
    if "allow_private" in settings:
        raise InvalidTargetError(
            "allow_private is not a setting of a rule: name the host in the worker's HEADRACE_PRIVATE_TARGETS"
        )
    if unknown := sorted(settings.keys() - KNOWN):
        raise InvalidTargetError(f"{unknown[0]}: unknown setting; known: {', '.join(sorted(KNOWN))}")
    private = load(TargetSettings).allowed
    validate_url(url, private)
    seconds = settings.get("timeout_seconds", SECONDS)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= LONGEST_SECONDS:
        raise InvalidTargetError(f"timeout_seconds: a number above 0 and at most {LONGEST_SECONDS:g}, not {seconds!r}")
    return HttpEndpoint(
        HttpTarget(url, private, float(seconds)),
        resolve_secret(settings["secret"]).encode() if "secret" in settings else b"",
        own_headers(settings.get("headers", {})),
        TokenCache(client_of(settings["oauth"], private, float(seconds))) if "oauth" in settings else None,
    )


def own_headers(headers: Any) -> dict[str, str]:
    """Parse the headers of a rule: a token and the reference to a secret for each."""
    if not isinstance(headers, Mapping):
        raise InvalidTargetError(f"headers = {{ NAME = '{VARIABLE}' }}")
    for name in headers:
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name) or name.lower() in RESERVED_HEADERS:
            raise InvalidTargetError(f"headers: {name!r} is not the name of a header, or one that the sink sets")
    return {name.lower(): resolve_secret(value) for name, value in headers.items()}


def _create(url: str, settings: SinkSettings, _: AwsSession) -> Sink:
    return http_sink(url, settings)


SINK = SinkKind("http", _create)
