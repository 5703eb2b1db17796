"""An ASGI application that answers invalid requests as AWS does, in place of an application that is more lenient."""

from __future__ import annotations

import json
from typing import Any

from headrace.connectors.aws.request_guard import App, Message, Receive, Send
from headrace.sandbox.cluster.request_checks import Rejection, entry_errors, rejection
from headrace.schemas.parsing import InvalidValueError, parse_json

TARGET = b"x-amz-target"
PUT_EVENTS = "AWSEvents.PutEvents"
CHECKED = (b"AmazonSQS.", PUT_EVENTS.encode())
JSON_TYPE = (b"content-type", b"application/x-amz-json-1.0")


class CheckedRequests:
    """Passes valid requests to an application. Only requests of SQS and PutEvents are read before."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Handle one request."""
        target = dict(scope.get("headers", ())).get(TARGET, b"")
        if scope["type"] != "http" or not target.startswith(CHECKED):
            await self._app(scope, receive, send)
            return
        body = await _body(receive)
        parameters = _object(body)
        if parameters is not None and (error := rejection(target.decode(), parameters)):
            await _respond(send, 400, *_error(error))
        elif parameters is not None and target == PUT_EVENTS.encode() and (failed := entry_errors(parameters)):
            await self._put_valid_events(scope, send, parameters, failed)
        else:
            await self._app(scope, _once(body), send)

    async def _put_valid_events(
        self, scope: Message, send: Send, parameters: dict[str, Any], failed: dict[int, Rejection]
    ) -> None:
        """Put the valid entries, and answer with the results of all."""
        entries = parameters["Entries"]
        valid = [entry for number, entry in enumerate(entries) if number not in failed]
        done = iter((await self._answered(scope, {**parameters, "Entries": valid}))["Entries"] if valid else ())
        results = [
            {"ErrorCode": failed[number].code, "ErrorMessage": failed[number].message}
            if number in failed
            else next(done)
            for number in range(len(entries))
        ]
        count = sum("ErrorCode" in each for each in results)
        await _respond(send, 200, [JSON_TYPE], {"Entries": results, "FailedEntryCount": count})

    async def _answered(self, scope: Message, parameters: dict[str, Any]) -> Any:
        """Return the answer of the application to a request with other parameters."""
        body, parts = json.dumps(parameters).encode(), []
        headers = [(name, value) for name, value in scope["headers"] if name != b"content-length"]

        async def collect(message: Message) -> None:
            parts.append(message.get("body", b""))

        length = (b"content-length", str(len(body)).encode())
        await self._app({**scope, "headers": [*headers, length]}, _once(body), collect)
        return parse_json(b"".join(parts))


async def _body(receive: Receive) -> bytes:
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        found = parse_json(body)
    except InvalidValueError:
        return None
    return found if isinstance(found, dict) else None


def _once(body: bytes) -> Receive:
    """Return a function that gives the body, and then waits for nothing."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive


def _error(error: Rejection) -> tuple[list[tuple[bytes, bytes]], dict[str, str]]:
    """Return the headers and the content of an error. Source: AWS SDKs Reference, "awsQueryCompatible"."""
    headers = [JSON_TYPE]
    if error.query_code:
        headers.append((b"x-amzn-query-error", f"{error.query_code};Sender".encode()))
    return headers, {"__type": error.code, "message": error.message}


async def _respond(send: Send, status: int, headers: list[tuple[bytes, bytes]], content: object) -> None:
    body = json.dumps(content).encode()
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
