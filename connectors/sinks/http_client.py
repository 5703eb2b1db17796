"""POST with aiohttp, to public addresses only unless allowed.

Source: OWASP, "Server-Side Request Forgery Prevention Cheat Sheet".
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from headrace.connectors.sinks.base import InvalidTargetError
from headrace.connectors.sinks.ssrf_guard import PrivateAddressError, PublicOnlyResolver, is_public
from headrace.schemas.delivery import DeliveryError

REFERENCE = "env:"


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """A URL, whether it may be private, and the timeout in seconds."""

    url: str
    allow_private: bool = False
    seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """The status, the `Retry-After` header and the beginning of the body."""

    status: int
    retry_after: str
    body: bytes


async def post(address: HttpTarget, body: bytes, headers: Mapping[str, str], most: int = 200) -> HttpResponse:
    """POST without redirects and return the response with at most `most` bytes. Raises `DeliveryError`."""
    connector = aiohttp.TCPConnector(resolver=None if address.allow_private else PublicOnlyResolver(), force_close=True)
    timeout = aiohttp.ClientTimeout(total=address.seconds)
    jar = aiohttp.DummyCookieJar()
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=jar) as session,
            session.post(address.url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            return HttpResponse(answer.status, answer.headers.get("Retry-After", ""), await _beginning(answer, most))
    except TimeoutError:
        raise DeliveryError("transient", "timeout", f"no response within {address.seconds:g} s") from None
    except PrivateAddressError as error:
        raise DeliveryError("permanent", "forbidden_address", str(error)) from error
    except aiohttp.ClientConnectionError as error:
        if isinstance(error.__cause__, PrivateAddressError):
            raise DeliveryError("permanent", "forbidden_address", str(error.__cause__)) from error
        raise DeliveryError("outage", "unreachable", str(error)) from error
    except aiohttp.InvalidURL as error:
        raise DeliveryError("permanent", "no_address", str(error)) from error
    except aiohttp.ClientError as error:
        raise DeliveryError("transient", "no_http", str(error)) from error


def validate_url(url: Any, private: bool) -> None:
    """Raise `InvalidTargetError` for a URL that is not allowed. Host names are checked when they are resolved."""
    if not isinstance(url, str):
        raise InvalidTargetError(f"the URL must be a string, not {url!r}")
    parts = urlsplit(url)
    if parts.scheme not in (("https", "http") if private else ("https",)) or not parts.hostname:
        raise InvalidTargetError(
            f"{url}: give an https address" + ("" if private else "; http only with allow_private = true")
        )
    if parts.username or parts.password:
        raise InvalidTargetError("a URL must not contain credentials: use headers")
    if not private and not is_public(parts.hostname):
        raise InvalidTargetError(f"{parts.hostname} is an inner address: allow_private = true where that is meant")


def resolve_secret(reference: Any) -> str:
    """Return the secret that an `env:` reference names. Rules must not contain secrets."""
    if not isinstance(reference, str) or not reference.startswith(REFERENCE):
        raise InvalidTargetError(f"secrets must be references: {REFERENCE}VARIABLE")
    found = os.environ.get(reference.removeprefix(REFERENCE))
    if not found:
        raise InvalidTargetError(f"{reference.removeprefix(REFERENCE)} is not set, which a rule's target needs")
    return found


async def _beginning(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """Read up to `most` bytes."""
    found = b""
    while len(found) < most and (piece := await answer.content.read(most - len(found))):
        found += piece
    return found
