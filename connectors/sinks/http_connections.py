"""Connections of HTTP tasks: which URLs they cover, and how a request is authenticated.

A definition names a connection by its ARN, as on AWS. Secrets are in the environment of the worker, and a connection
covers one URL and what is below it, so that the author of a definition cannot send a secret elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from headrace.connectors.sinks.base import InvalidTargetError
from headrace.connectors.sinks.http import MAX_BYTES, own_headers
from headrace.connectors.sinks.http_client import HttpTarget, request, validate_url
from headrace.connectors.sinks.oauth import TokenCache, client_of
from headrace.connectors.sinks.settings import TargetSettings
from headrace.connectors.sinks.ssrf_guard import PrivateTargets
from headrace.schemas.delivery import DeliveryError
from headrace.schemas.http_calls import HttpAnswer, HttpCall
from headrace.schemas.parsing import read_toml
from headrace.schemas.redaction import redact_values
from headrace.schemas.settings import SettingsError

KNOWN = {"url", "headers", "oauth"}
SECONDS = 60.0
"""Source: Step Functions Developer Guide, "Call HTTPS APIs": an HTTP task times out after 60 seconds."""


@dataclass(frozen=True, slots=True)
class ApiConnection:
    """A URL, the headers with secrets, and bearer tokens."""

    url: str
    headers: Mapping[str, str]
    tokens: TokenCache | None = None


class HttpConnections:
    """`schemas.http_calls.HttpCalls` over aiohttp."""

    def __init__(self, connections: Mapping[str, ApiConnection], private: PrivateTargets) -> None:
        self._connections = connections
        self._private = private

    async def call(self, call: HttpCall) -> HttpAnswer:
        """Make a call with the authentication of its connection."""
        connection = self._connections.get(call.connection)
        if connection is None:
            known = ", ".join(sorted(self._connections)) or "none"
            why = f"no connection {call.connection}: add it to the file of HEADRACE_HTTP_CONNECTIONS, which has {known}"
            raise DeliveryError("permanent", "no_connection", why)
        _check_covered(call.url, connection.url)
        try:
            validate_url(call.url, self._private)
        except InvalidTargetError as error:
            raise DeliveryError("permanent", "forbidden_address", str(error)) from error
        answer = await self._request(call, connection)
        if answer.status == 401 and connection.tokens is not None:  # the token may have been revoked
            answer = await self._request(call, connection)
        if len(answer.body) > MAX_BYTES:
            raise DeliveryError("permanent", "too_large", f"the response has more than {MAX_BYTES:,} bytes")
        return answer

    async def _request(self, call: HttpCall, connection: ApiConnection) -> HttpAnswer:
        headers, secrets = {**call.headers, **connection.headers}, [*connection.headers.values()]
        token = await connection.tokens.token() if connection.tokens is not None else ""
        if token:
            headers["authorization"] = f"Bearer {token}"
            secrets.append(token)
        target = HttpTarget(call.url, self._private, SECONDS)
        answer = await request(call.method, target, call.body, headers, MAX_BYTES + 1)
        if answer.status == 401 and connection.tokens is not None:
            connection.tokens.invalidate(token)
        return _without_secrets(answer, secrets)


def load_connections(settings: TargetSettings) -> HttpConnections:
    """Read the file of connections; without a file there are none.

    Raises:
        SettingsError: The file cannot be read, or a connection is invalid.
    """
    path, private = settings.http_connections, settings.allowed
    if not path:
        return HttpConnections({}, private)
    try:
        content = read_toml(path)
    except (OSError, ValueError) as error:
        raise SettingsError(f"HEADRACE_HTTP_CONNECTIONS: {path}: {error}") from error
    try:
        return HttpConnections({name: _connection(values, private) for name, values in content.items()}, private)
    except InvalidTargetError as error:
        raise SettingsError(f"HEADRACE_HTTP_CONNECTIONS: {path}: {error}") from error


def _connection(values: Any, private: PrivateTargets) -> ApiConnection:
    if not isinstance(values, Mapping) or "url" not in values or values.keys() - KNOWN:
        raise InvalidTargetError("a connection has url, headers = { NAME = 'env:HEADRACE_SECRET_NAME' } and oauth")
    validate_url(values["url"], private)
    oauth = TokenCache(client_of(values["oauth"], private, SECONDS)) if "oauth" in values else None
    return ApiConnection(values["url"], own_headers(values.get("headers", {})), oauth)


def _check_covered(url: str, covered: str) -> None:
    """Raise `DeliveryError` unless a URL is below that of the connection."""
    try:
        given, own = urlsplit(url), urlsplit(covered)
        same = (given.scheme, given.hostname, given.port) == (own.scheme, own.hostname, own.port)
    except ValueError as error:
        raise DeliveryError("permanent", "no_address", f"not a URL: {error}") from error
    segments, folder = unquote(given.path).split("/"), own.path.rstrip("/") + "/"
    is_below = f"{given.path.rstrip('/')}/".startswith(folder) and ".." not in segments
    if not same or not is_below:
        raise DeliveryError("permanent", "not_covered", f"the connection covers {covered}, and not {url}")


def _without_secrets(answer: HttpAnswer, secrets: list[str]) -> HttpAnswer:
    """Redact the secrets of the request: some targets repeat the headers that they received."""
    body = redact_values(answer.body.decode("utf-8", "surrogateescape"), secrets).encode("utf-8", "surrogateescape")
    headers = {name: [redact_values(each, secrets) for each in values] for name, values in answer.headers.items()}
    return replace(answer, headers=headers, body=body)
