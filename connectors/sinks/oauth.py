"""Access tokens by OAuth's client credentials: fetched when one is needed, kept until shortly before it expires.

Source: RFC 6749, 4.4 (client credentials grant) and 5.1; RFC 6750, 2.1 (bearer tokens).
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from headrace.connectors.sinks.base import InvalidTargetError
from headrace.connectors.sinks.http_client import (
    HttpResponse,
    HttpTarget,
    post,
    resolve_secret,
    validate_url,
)
from headrace.schemas.delivery import DeliveryError, FailureKind

NEEDED = {"token_url", "client_id", "client_secret"}
KNOWN = {*NEEDED, "scope"}
EARLY_SECONDS = 30.0
LONGEST_ANSWER = 65_536


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """Who asks for tokens, and where."""

    address: HttpTarget
    id: str
    secret: str
    scope: str = ""


class TokenCache:
    """One client's token, the same for all who ask at the same time."""

    def __init__(self, client: OAuthClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._asking = asyncio.Lock()
        self._token = ""
        self._until = 0.0

    async def token(self) -> str:
        """Give a token that is good for a while. Raises `NotDelivered` when there is none to be had."""
        async with self._asking:
            if not self._token or self._clock() >= self._until:
                self._token, seconds = _read(await self._ask())
                self._until = self._clock() + seconds - EARLY_SECONDS
            return self._token

    def invalidate(self, token: str) -> None:
        """Note that a token was refused, so that the next one is another."""
        if token == self._token:
            self._token = ""

    async def _ask(self) -> HttpResponse:
        client = self._client
        form = {"grant_type": "client_credentials", **({"scope": client.scope} if client.scope else {})}
        basic = base64.b64encode(f"{quote(client.id, safe='')}:{quote(client.secret, safe='')}".encode()).decode()
        headers = {"authorization": f"Basic {basic}", "content-type": "application/x-www-form-urlencoded"}
        return await post(client.address, urlencode(form).encode(), headers, LONGEST_ANSWER)


def client_of(said: Any, allow_private: bool, seconds: float) -> OAuthClient:
    """Read a client from a rule. Raises `BadTarget`."""
    if not isinstance(said, Mapping) or said.keys() - KNOWN or NEEDED - said.keys():
        raise InvalidTargetError(
            "oauth has token_url, client_id = 'env:VARIABLE', client_secret = 'env:VARIABLE' and scope"
        )
    validate_url(said["token_url"], allow_private)
    address = HttpTarget(said["token_url"], allow_private, seconds)
    return OAuthClient(
        address, resolve_secret(said["client_id"]), resolve_secret(said["client_secret"]), str(said.get("scope", ""))
    )


def _read(answer: HttpResponse) -> tuple[str, float]:
    """Take the token and the seconds that it lives out of an answer. Who refuses our credentials is an outage."""
    if answer.status != 200:
        kind: FailureKind = "transient" if answer.status >= 500 or answer.status == 429 else "outage"
        why = f"no token: HTTP {answer.status} {_reason(answer.body)}"
        raise DeliveryError(kind, f"oauth_{answer.status}", why.strip())
    try:
        said = json.loads(answer.body)
        return str(said["access_token"]), float(said.get("expires_in", 300))
    except (ValueError, KeyError, TypeError):
        raise DeliveryError("transient", "oauth_answer", "no token: the answer holds none") from None


def _reason(body: bytes) -> str:
    """Give the error's own word; nothing else of the answer, which may hold secrets."""
    try:
        return str(json.loads(body).get("error", ""))[:100]
    except (ValueError, AttributeError):
        return ""
