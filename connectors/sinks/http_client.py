"""One POST to somebody's address, which reaches nobody's inner network. The sinks' door to aiohttp.

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
    """Who is called: inner addresses only where that is meant; and how many seconds the answer may take."""

    url: str
    allow_private: bool = False
    seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What was answered: the status, `Retry-After`, and the beginning of the body."""

    status: int
    retry_after: str
    body: bytes


async def post(address: HttpTarget, body: bytes, headers: Mapping[str, str], most: int = 200) -> HttpResponse:
    """Post, follow no redirect, and give the answer with at most so many bytes. Raises `NotDelivered` without one."""
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
        raise DeliveryError("transient", "timeout", f"no answer in {address.seconds:g} s") from None
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
    """Raise `BadTarget` for an address that may not be called, as far as that can be told before."""
    if not isinstance(url, str):
        raise InvalidTargetError(f"give an address as text, not {url!r}")
    parts = urlsplit(url)
    if parts.scheme not in (("https", "http") if private else ("https",)) or not parts.hostname:
        raise InvalidTargetError(
            f"{url}: give an https address" + ("" if private else "; http only with allow_private = true")
        )
    if parts.username or parts.password:
        raise InvalidTargetError("an address holds no user and no password: name them in headers")
    if not private and not is_public(parts.hostname):
        raise InvalidTargetError(f"{parts.hostname} is an inner address: allow_private = true where that is meant")


def resolve_secret(reference: Any) -> str:
    """Read what a reference names. A secret itself does not belong into a rule, which is data that others read."""
    if not isinstance(reference, str) or not reference.startswith(REFERENCE):
        raise InvalidTargetError(f"give a secret as {REFERENCE}VARIABLE, never itself")
    found = os.environ.get(reference.removeprefix(REFERENCE))
    if not found:
        raise InvalidTargetError(f"{reference.removeprefix(REFERENCE)} is not set, which a rule's target needs")
    return found


async def _beginning(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """Read as much as is wanted, in however many pieces it comes."""
    found = b""
    while len(found) < most and (piece := await answer.content.read(most - len(found))):
        found += piece
    return found
