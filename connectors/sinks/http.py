"""HTTP: a webhook of our own, signed as Standard Webhooks says, that reaches nobody's inner network.

Sources: Standard Webhooks specification 1.0; RFC 9110, 10.2.3 (Retry-After); OWASP, "Server-Side Request Forgery
Prevention Cheat Sheet".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from connectors.sinks.addresses import Forbidden, Guard, is_public
from connectors.sinks.delivery import BadTarget, Delivery, NotDelivered, Sink

MOST_BYTES = 1024 * 1024
SECONDS = 10.0
LONGEST = 200
REFERENCE = "env:"
KNOWN = {"secret", "headers", "allow_private", "timeout_seconds"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Who is called, and how. `secret` signs; `headers` may hold a key of theirs."""

    url: str
    secret: bytes
    headers: Mapping[str, str]
    allow_private: bool
    seconds: float


def http(url: str, settings: Mapping[str, Any]) -> Sink:
    """Post to an address. Raises `BadTarget` for one that may not be called, and for a secret that is not there."""
    endpoint = _endpoint(url, settings)

    async def deliver(delivery: Delivery) -> None:
        body = delivery.body.encode()
        if len(body) > MOST_BYTES:
            raise NotDelivered(
                "permanent", "too_large", f"{len(body):,} bytes are sent to nobody, at most {MOST_BYTES:,}"
            )
        connector = aiohttp.TCPConnector(resolver=None if endpoint.allow_private else Guard(), force_close=True)
        timeout = aiohttp.ClientTimeout(total=endpoint.seconds)
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
                ) as session,
                session.post(
                    endpoint.url, data=body, headers=_headers(endpoint, delivery, body), allow_redirects=False
                ) as answer,
            ):
                _judge(answer.status, answer.headers.get("Retry-After", ""), await answer.content.read(LONGEST))
        except TimeoutError:
            raise NotDelivered("transient", "timeout", f"no answer in {endpoint.seconds:g} s") from None
        except Forbidden as error:
            raise NotDelivered("permanent", "forbidden_address", str(error)) from error
        except aiohttp.ClientConnectionError as error:
            if isinstance(error.__cause__, Forbidden):
                raise NotDelivered("permanent", "forbidden_address", str(error.__cause__)) from error
            raise NotDelivered("outage", "unreachable", str(error)) from error
        except aiohttp.InvalidURL as error:
            raise NotDelivered("permanent", "no_address", str(error)) from error
        except aiohttp.ClientError as error:
            raise NotDelivered("transient", "no_http", str(error)) from error

    return deliver


def signature(secret: bytes, id_: str, moment: int, body: bytes) -> str:
    """Sign a delivery: what a receiver computes again to know who sent it, and when."""
    digest = hmac.new(secret, f"{id_}.{moment}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def _headers(endpoint: Endpoint, delivery: Delivery, body: bytes) -> dict[str, str]:
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


def _judge(status: int, retry_after: str, body: bytes) -> None:
    """Take an answer for what it is: taken, worth another try, or refused for good."""
    if 200 <= status < 300:
        return
    why = f"HTTP {status}: {body.decode(errors='replace').strip()}"
    after = float(retry_after) if retry_after.isdecimal() else 0.0
    if status in (429, 503):
        raise NotDelivered("throttled", f"http_{status}", why, after)
    if status in (408, 425) or status >= 500:
        raise NotDelivered("transient", f"http_{status}", why, after)
    raise NotDelivered("permanent", f"http_{status}", why)


def _endpoint(url: str, settings: Mapping[str, Any]) -> Endpoint:
    if unknown := sorted(settings.keys() - KNOWN):
        raise BadTarget(f"{unknown[0]}: there is no such setting; there are {', '.join(sorted(KNOWN))}")
    private = settings.get("allow_private", False)
    parts = urlsplit(url)
    if parts.scheme not in (("https", "http") if private else ("https",)) or not parts.hostname:
        raise BadTarget(f"{url}: give an https address" + ("" if private else "; http only with allow_private = true"))
    if parts.username or parts.password:
        raise BadTarget("an address holds no user and no password: name them in headers")
    if not private and not is_public(parts.hostname):
        raise BadTarget(f"{parts.hostname} is an inner address: allow_private = true where that is meant")
    headers = settings.get("headers", {})
    if not isinstance(headers, Mapping):
        raise BadTarget("headers = { NAME = 'env:VARIABLE' }")
    seconds = settings.get("timeout_seconds", SECONDS)
    if not isinstance(seconds, int | float) or not 0 < seconds <= 60:
        raise BadTarget(f"timeout_seconds: more than 0 and at most 60, not {seconds!r}")
    return Endpoint(
        url,
        _secret(settings["secret"]).encode() if "secret" in settings else b"",
        {str(name): _secret(value) for name, value in headers.items()},
        private,
        float(seconds),
    )


def _secret(reference: Any) -> str:
    """Read what a reference names. A secret itself does not belong into a rule, which is data that others read."""
    if not isinstance(reference, str) or not reference.startswith(REFERENCE):
        raise BadTarget(f"give a secret as {REFERENCE}VARIABLE, never itself")
    found = os.environ.get(reference.removeprefix(REFERENCE))
    if not found:
        raise BadTarget(f"{reference.removeprefix(REFERENCE)} is not set, which a rule's target needs")
    return found
