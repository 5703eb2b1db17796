"""OAuth access tokens by client credentials, cached until shortly before they expire.

Source: RFC 6749, 4.4 (client credentials grant) and 5.1; RFC 6750, 2.1 (bearer tokens).
"""

from __future__ import annotations

import asyncio
import base64
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from headrace.connectors.sinks.base import InvalidTargetError
from headrace.connectors.sinks.http_client import (
    REFERENCE,
    SECRETS,
    HttpResponse,
    HttpTarget,
    post,
    resolve_secret,
    validate_url,
    without_secrets,
)
from headrace.connectors.sinks.ssrf_guard import PrivateTargets
from headrace.schemas.delivery import DeliveryError, FailureKind
from headrace.schemas.parsing import InvalidValueError, parse_float, parse_json

NEEDED = {"token_url", "client_id", "client_secret"}
KNOWN = {*NEEDED, "scope"}
VARIABLE = f"{REFERENCE}{SECRETS}NAME"
EARLY_SECONDS = 30.0
LONGEST_ANSWER = 65_536
DEFAULT_SECONDS = 300.0
MAX_SECONDS = 86_400.0
"""A token is renewed after a day at the latest."""

_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
"""Source: RFC 6749, appendix A.12."""


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """Client credentials and the token URL."""

    address: HttpTarget
    id: str
    secret: str
    scope: str = ""


class TokenCache:
    """The cached token of one client. Concurrent calls share a request."""

    def __init__(self, client: OAuthClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._asking = asyncio.Lock()
        self._token = ""
        self._until = 0.0

    async def token(self) -> str:
        """Return a valid token. Raises `DeliveryError`."""
        async with self._asking:
            if not self._token or self._clock() >= self._until:
                self._token, seconds = parse_token(await self._ask())
                self._until = self._clock() + seconds - EARLY_SECONDS
            return self._token

    def invalidate(self, token: str) -> None:
        """Discard a rejected token."""
        if token == self._token:
            self._token = ""

    async def _ask(self) -> HttpResponse:
        client = self._client
        form = {"grant_type": "client_credentials", **({"scope": client.scope} if client.scope else {})}
        basic = base64.b64encode(f"{quote(client.id, safe='')}:{quote(client.secret, safe='')}".encode()).decode()
        headers = {"authorization": f"Basic {basic}", "content-type": "application/x-www-form-urlencoded"}
        answer = await post(client.address, urlencode(form).encode(), headers, LONGEST_ANSWER)
        return answer if answer.status == 200 else without_secrets(answer, (client.id, client.secret, basic))


def client_of(values: Any, private: PrivateTargets, seconds: float) -> OAuthClient:
    """Parse the `oauth` settings of a rule. Raises `InvalidTargetError`."""
    if not isinstance(values, Mapping) or values.keys() - KNOWN or NEEDED - values.keys():
        raise InvalidTargetError(
            f"oauth has token_url, client_id = '{VARIABLE}', client_secret = '{VARIABLE}' and scope"
        )
    scope = values.get("scope", "")
    if not isinstance(scope, str):
        raise InvalidTargetError(f"oauth.scope: a string, not {scope!r}")
    validate_url(values["token_url"], private)
    address = HttpTarget(values["token_url"], private, seconds)
    return OAuthClient(address, resolve_secret(values["client_id"]), resolve_secret(values["client_secret"]), scope)


def parse_token(answer: HttpResponse) -> tuple[str, float]:
    """Return the token of a response and its lifetime in seconds. Raises `DeliveryError`.

    Rejected credentials are an outage.
    """
    if answer.status != 200:
        kind: FailureKind = "transient" if answer.status >= 500 or answer.status == 429 else "outage"
        why = f"no token: HTTP {answer.status} {_reason(answer.body)}"
        raise DeliveryError(kind, f"oauth_{answer.status}", why.strip())
    values = _object(answer.body)
    token = values.get("access_token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise DeliveryError("transient", "oauth_answer", "no token: the response contains none")
    return token, _lifetime(values.get("expires_in"))


def _lifetime(seconds: object) -> float:
    """Return the lifetime of a token; the default for a missing or invalid one."""
    try:
        return min(parse_float(seconds), MAX_SECONDS)
    except InvalidValueError:
        return DEFAULT_SECONDS


def _reason(body: bytes) -> str:
    """Return the error code of a response. The rest may contain secrets."""
    code = _object(body).get("error", "")
    return code[:100] if isinstance(code, str) else ""


def _object(body: bytes) -> dict[str, Any]:
    try:
        values = parse_json(body, LONGEST_ANSWER)
    except InvalidValueError:
        return {}
    return values if isinstance(values, dict) else {}
