"""An ASGI application that refuses requests without the access key, and requests of web pages."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias
from xml.sax.saxutils import escape

from headrace.connectors.aws.signature import AccessDeniedError, HttpRequest, verify
from headrace.connectors.aws.sigv4 import AwsCredentials

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

MAX_SIGNED_BODY = 32 * 1024 * 1024
"""Maximum bytes of a body that is read before its signature is verified. S3 sends its hash in a header instead."""

CORS = b"access-control-"
INTERNAL = "/_"
"""Prefix of MiniStack's administrative paths. The name of a bucket cannot begin with an underscore."""


class ControlToken(NamedTuple):
    """The header of control requests, in lower case, and its value."""

    header: str
    value: str


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """What a server accepts.

    `hosts`: names in the Host header, which a page on another host cannot forge (DNS rebinding). `services`: signing
    names. `public`: paths that GET requests may read without a key. `control`: paths that need `token` instead.
    """

    keys: AwsCredentials
    hosts: frozenset[str]
    services: frozenset[str]
    public: frozenset[str] = frozenset()
    control: frozenset[str] = frozenset()
    token: ControlToken | None = None


class RequestGuard:
    """Passes permitted requests to an application, and answers all others with status 403."""

    def __init__(self, app: App, policy: AccessPolicy, now: Callable[[], datetime]) -> None:
        self._app = app
        self._policy = policy
        self._now = now

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Handle one connection. WebSockets are refused."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            permitted = await self._permit(_request(scope), scope["path"], receive)
        except AccessDeniedError as error:
            await _refuse(scope, send, error)
            return
        await self._app(scope, permitted, _without_cors(send))

    async def _permit(self, request: HttpRequest, path: str, receive: Receive) -> Receive:
        """Return the messages of a permitted request. `path` is decoded, as the application reads it.

        Raises:
            AccessDeniedError: The request is refused.
        """
        policy, headers = self._policy, request.headers
        if _host_name(headers.get("host", "")) not in policy.hosts:
            raise AccessDeniedError("AccessDenied", "The header host names another server.")
        if "origin" in headers:
            raise AccessDeniedError("AccessDenied", "Requests of web pages are refused.")
        if path in policy.public and request.method in ("GET", "HEAD"):
            return receive
        if path in policy.control:
            _check_token(headers, policy.token)
            return receive
        if path.startswith(INTERNAL):
            raise AccessDeniedError("AccessDenied", "This path is not served.")
        body = await _read(receive) if request.body_is_signed else b""
        service = verify(request, body, policy.keys, self._now()).service
        if service not in policy.services:
            raise AccessDeniedError("AccessDenied", f"The service {service} is not served.")
        return _replay(body, receive) if request.body_is_signed else receive


def _check_token(headers: Mapping[str, str], token: ControlToken | None) -> None:
    """Raise `AccessDeniedError` for a request without the control token."""
    if token is None or not hmac.compare_digest(headers.get(token.header, "").encode(), token.value.encode()):
        name = "with the token" if token is None else token.header
        raise AccessDeniedError("AccessDenied", f"The header {name} has not the control token.")


def _request(scope: Message) -> HttpRequest:
    """Return the request of a scope. The values of a repeated header are joined, so that a second host is refused."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("utf-8", "replace")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
    return HttpRequest(scope["method"], path, query, headers)


def _host_name(host: str) -> str:
    name, _, port = host.rpartition(":")
    return name.lower() if port.isdecimal() and name else host.lower()


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise AccessDeniedError("IncompleteBody", "The connection was closed.")
        body += message.get("body", b"")
        if len(body) > MAX_SIGNED_BODY:
            raise AccessDeniedError("RequestEntityTooLarge", f"The body has more than {MAX_SIGNED_BODY} bytes.")
        if not message.get("more_body"):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return the body as one message, then the messages that follow it."""
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return pending.pop() if pending else await receive()

    return replayed


def _without_cors(send: Send) -> Send:
    """Remove the headers that let web pages read responses."""

    async def cleaned(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers: Iterable[tuple[bytes, bytes]] = message.get("headers", ())
            message["headers"] = [pair for pair in headers if not bytes(pair[0]).lower().startswith(CORS)]
        await send(message)

    return cleaned


async def _refuse(scope: Message, send: Send, error: AccessDeniedError) -> None:
    """Answer with an AWS error in XML to S3 and query clients, and in JSON to all others."""
    names = {name.lower(): value for name, value in scope["headers"]}
    is_json = b"x-amz-target" in names or b"authorization" not in names or b"json" in names.get(b"content-type", b"")
    if is_json:
        text = json.dumps({"__type": error.code, "message": error.message, "error": error.message})
    else:
        text = f"<Error><Code>{error.code}</Code><Message>{escape(error.message)}</Message></Error>"
        if b"/s3/aws4_request" not in names[b"authorization"]:
            text = f"<ErrorResponse>{text}</ErrorResponse>"
    body = text.encode("utf-8", "backslashreplace")
    kind = b"application/json" if is_json else b"application/xml"
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"x-amzn-errortype", error.code.encode()),
    ]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
