"""The three frequent SQS calls over keep-alive connections, in a tenth of the time of boto3. Optional.

The fast path handles success and client errors (4xx). For anything else (another operation, a 5xx, a closed
connection, an unexpected response) it returns None, and the caller uses boto3, which retries.
Source: Amazon SQS API Reference, "Making requests using AWS JSON protocol".
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NotRequired, TypedDict
from urllib.parse import urlsplit

import msgspec

from headrace.connectors.aws.http_connection import HttpConnection, UnexpectedResponseError

SignRequest = Callable[[Mapping[str, str], bytes], dict[str, str]]
"""Returns the headers of a request with its signature, for headers and a body."""

JSON = "application/x-amz-json-1.0"


class SqsError(Exception):
    """SQS rejected a call; the text is its error."""


class SqsEndpoint(NamedTuple):
    """The URL, the CA file and the timeouts of an SQS endpoint."""

    url: str
    ca_file: str | None
    connect_seconds: float
    read_seconds: float


class _Message(TypedDict):
    MessageId: str
    ReceiptHandle: str
    Body: str
    Attributes: NotRequired[dict[str, str]]


class _Received(TypedDict, total=False):
    Messages: list[_Message] | None


class _Failed(TypedDict):
    Id: str
    Code: NotRequired[str]
    Message: NotRequired[str]
    SenderFault: NotRequired[bool]


class _Id(TypedDict):
    Id: str


class _Answered(TypedDict, total=False):
    Successful: list[_Id]
    Failed: list[_Failed]


class _Error(msgspec.Struct, rename={"type": "__type"}):
    type: str
    message: str = ""
    Message: str = ""


class _Queue(TypedDict, total=False):
    Attributes: dict[str, str]


_FREQUENT: dict[str, type] = {
    "ReceiveMessage": _Received,
    "DeleteMessageBatch": _Answered,
    "ChangeMessageVisibilityBatch": _Answered,
}
_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    operation: msgspec.json.Decoder(type_) for operation, type_ in _FREQUENT.items()
}
_ANSWERS: dict[str, type] = {**_FREQUENT, "GetQueueAttributes": _Queue}


class _Here(threading.local):
    """The connection of each thread."""

    connection: HttpConnection | None = None


class SqsFastPath:
    """Connections to one endpoint, one per thread. Thread-safe."""

    def __init__(self, endpoint: SqsEndpoint, sign: SignRequest) -> None:
        self._endpoint, self._sign = endpoint, sign
        parts = urlsplit(endpoint.url)
        secure = parts.scheme == "https"
        self._where, self._named = (parts.hostname or "", parts.port or (443 if secure else 80)), parts.netloc
        self._context = ssl.create_default_context(cafile=endpoint.ca_file) if secure else None
        self._here = _Here()
        self._open: set[HttpConnection] = set()
        weakref.finalize(self, _close, self._open)

    def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any] | None:
        """Return the response of SQS; None if boto3 must make the call.

        Raises:
            SqsError: SQS rejected the call.
            TimeoutError: There was no response in time.
        """
        decoder = _DECODERS.get(operation)
        if decoder is None:
            return None
        body = msgspec.json.encode(parameters)
        target = f"AmazonSQS.{operation}"
        headers = {"host": self._named, "content-type": JSON, "x-amz-target": target, "x-amzn-query-mode": "true"}
        try:
            status, headers_received, body_received = self._connection().post(body, self._sign(headers, body))
        except TimeoutError:
            self._drop()
            raise
        except (OSError, UnexpectedResponseError):
            self._drop()
            return None
        try:
            if status == 200:
                return _read(decoder, body_received)
            if 400 <= status < 500:
                raise SqsError(_why(body_received, headers_received.get("x-amzn-query-error", "")))
        except (ValueError, RecursionError):  # no JSON, or JSON of another shape
            return None
        return None

    def _connection(self) -> HttpConnection:
        found = self._here.connection
        if found is not None and not found.should_close:
            return found
        self._drop()
        connection = HttpConnection(self._connected())
        self._open.add(connection)
        self._here.connection = connection
        return connection

    def _connected(self) -> socket.socket:
        connection = socket.create_connection(self._where, self._endpoint.connect_seconds)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is not None:
            connection = self._context.wrap_socket(connection, server_hostname=self._where[0])
        connection.settimeout(self._endpoint.read_seconds)
        return connection

    def _drop(self) -> None:
        """Close this thread's connection: it may hold the rest of an earlier response."""
        found = self._here.connection
        if found is not None:
            self._here.connection = None
            self._open.discard(found)
            found.close()


def with_types(operation: str, response: dict[str, Any]) -> dict[str, Any]:
    """Return the members of a response of boto3 that the bridge reads.

    Raises:
        ValueError: One is missing or has another type.
    """
    found: dict[str, Any] = msgspec.convert(response, _ANSWERS[operation])
    return found


def _read(decoder: msgspec.json.Decoder[Any], body_received: bytes) -> dict[str, Any]:
    try:
        found: dict[str, Any] = decoder.decode(body_received)
    except msgspec.DecodeError:
        # msgspec rejects half a surrogate pair; one such body must not block the whole batch.
        found = msgspec.convert(json.loads(body_received), decoder.type)
    return found


def _why(body_received: bytes, query_error: str) -> str:
    """Format an error with the code that boto3 would report. Raises ValueError if it is not an error of SQS."""
    found = msgspec.json.decode(body_received, type=_Error)
    return f"{query_error.partition(';')[0] or found.type.rpartition('#')[2]}: {found.message or found.Message}"


def _close(connections: set[HttpConnection]) -> None:
    for each in list(connections):
        each.close()
