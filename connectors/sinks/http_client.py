"""HTTP requests with aiohttp, to public addresses only unless the worker's settings allow others.

Source: OWASP, "Server-Side Request Forgery Prevention Cheat Sheet".
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from headrace.connectors.sinks.base import InvalidTargetError
from headrace.connectors.sinks.ssrf_guard import (
    NO_PRIVATE_TARGETS,
    AddressGuard,
    GuardedResolver,
    PrivateAddressError,
    PrivateTargets,
    is_public,
)
from headrace.schemas.delivery import DeliveryError
from headrace.schemas.http_calls import HttpAnswer
from headrace.schemas.redaction import redact_values

REFERENCE = "env:"
SECRETS = "HEADRACE_SECRET_"
"""The beginning of the variables that a rule may name. A rule's author must not read other variables of the worker."""
LONGEST_URL = 2048

_SECRET_NAME = re.compile(rf"{SECRETS}[A-Z0-9_]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\U0010ffff]*")


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """A URL, the private addresses that it may lead to, and the timeout in seconds."""

    url: str
    private: PrivateTargets = NO_PRIVATE_TARGETS
    seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """The status, the `Retry-After` header and the beginning of the body."""

    status: int
    retry_after: str
    body: bytes


async def post(address: HttpTarget, body: bytes, headers: Mapping[str, str], most: int = 200) -> HttpResponse:
    """POST without redirects and return the response with at most `most` bytes. Raises `DeliveryError`."""
    answer = await request("POST", address, body, headers, most)
    return HttpResponse(answer.status, next(iter(answer.headers.get("retry-after", ())), ""), answer.body)


async def request(
    method: str, address: HttpTarget, body: bytes, headers: Mapping[str, str], most: int = 200
) -> HttpAnswer:
    """Send a request without redirects and return the response with at most `most` bytes. Raises `DeliveryError`."""
    guard = AddressGuard(address.private)
    connector = aiohttp.TCPConnector(
        resolver=GuardedResolver(guard), socket_factory=guard.open_socket, force_close=True
    )
    timeout = aiohttp.ClientTimeout(total=address.seconds)
    try:
        async with (
            aiohttp.ClientSession(
                connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
            ) as session,
            session.request(
                method,
                address.url,
                data=body,
                headers={"accept-encoding": "identity", **headers},
                allow_redirects=False,
            ) as answer,
        ):
            found: dict[str, list[str]] = {}
            for name, value in answer.headers.items():
                found.setdefault(name.lower(), []).append(value)
            return HttpAnswer(answer.status, answer.reason or "", found, await _beginning(answer, most))
    except TimeoutError:
        raise DeliveryError("transient", "timeout", f"no response within {address.seconds:g} s") from None
    except PrivateAddressError as error:
        raise DeliveryError("permanent", "forbidden_address", str(error)) from error
    except aiohttp.ClientConnectionError as error:
        if isinstance(error.__cause__, PrivateAddressError):
            raise DeliveryError("permanent", "forbidden_address", str(error.__cause__)) from error
        raise DeliveryError("outage", "unreachable", str(error)) from error
    except ValueError as error:  # an invalid URL, or a host name that cannot be encoded
        raise DeliveryError("permanent", "no_address", str(error)) from error
    except aiohttp.ClientError as error:
        raise DeliveryError("transient", "no_http", str(error)) from error


def without_secrets(answer: HttpResponse, secrets: Iterable[str]) -> HttpResponse:
    """Redact secrets of the request in the body of an answer: some targets repeat the headers they received."""
    body = redact_values(answer.body.decode(errors="replace"), secrets)
    return replace(answer, body=body.encode())


def validate_url(url: Any, private: PrivateTargets) -> None:
    """Raise `InvalidTargetError` for a URL that is not allowed. Host names are checked when they are resolved."""
    if not isinstance(url, str) or len(url) > LONGEST_URL or not url.isprintable() or " " in url or "\\" in url:
        raise InvalidTargetError(f"the URL must be a string of at most {LONGEST_URL:,} printable characters")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
        allowed = bool(host) and private.allow_host(host)
    except ValueError as error:
        raise InvalidTargetError(f"not a URL: {error}") from None
    if parts.scheme not in (("https", "http") if allowed else ("https",)) or not host:
        raise InvalidTargetError(
            f"{host or 'the URL'}: give an https address; http needs a host in the worker's HEADRACE_PRIVATE_TARGETS"
        )
    if parts.username is not None or parts.password is not None:
        raise InvalidTargetError("a URL must not contain credentials: use headers")
    if not allowed and not is_public(host):
        raise InvalidTargetError(f"{host} is a private address: name it in the worker's HEADRACE_PRIVATE_TARGETS")


def resolve_secret(reference: Any) -> str:
    """Return the secret that an `env:HEADRACE_SECRET_*` reference names. Rules must not contain secrets."""
    if not isinstance(reference, str) or not reference.startswith(REFERENCE):
        raise InvalidTargetError(f"secrets must be references: {REFERENCE}{SECRETS}NAME")
    name = reference.removeprefix(REFERENCE)
    if not _SECRET_NAME.fullmatch(name):
        raise InvalidTargetError(f"a rule may name only variables {SECRETS}*, in capital letters")
    secret = os.environ.get(name)
    if not secret:
        raise InvalidTargetError(f"{name} is not set, which a rule's target needs")
    if not _HEADER_VALUE.fullmatch(secret):
        raise InvalidTargetError(f"{name} contains a line break or another control character")
    return secret


async def _beginning(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """Read up to `most` bytes."""
    content = b""
    while len(content) < most and (piece := await answer.content.read(most - len(content))):
        content += piece
    return content
