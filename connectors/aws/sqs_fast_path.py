"""The three calls that a bridge makes all day, over connections that are kept: a tenth of the time that boto3 takes.

It knows the ordinary case alone, and what SQS refuses. For anything else (another operation, a server that is busy or
hangs up, an answer that is none of SQS's) it says nothing, and the caller asks boto3, which knows what to do.
Source: Amazon SQS API Reference, "Making requests using AWS JSON protocol".
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypedDict
from urllib.parse import urlsplit

import msgspec

from headrace.connectors.aws.http_connection import HttpConnection, UnexpectedResponseError

SignRequest = Callable[[Mapping[str, str], bytes], dict[str, str]]
"""Gives the headers of a request with these headers and this body, so that AWS knows who asks."""

JSON = "application/x-amz-json-1.0"


class SqsError(Exception):
    """SQS will not do what it was asked to; the text is what it said."""


class SqsEndpoint(NamedTuple):
    """Where SQS is, by whose certificates it is known, and how long it may take."""

    url: str
    ca_file: str | None
    connect_seconds: float
    read_seconds: float


class _Message(TypedDict, total=False):
    MessageId: str
    ReceiptHandle: str
    Body: str
    Attributes: dict[str, str]


class _Received(TypedDict, total=False):
    Messages: list[_Message] | None


class _Failed(TypedDict, total=False):
    Id: str
    Code: str
    Message: str
    SenderFault: bool


class _Id(TypedDict):
    Id: str


class _Answered(TypedDict, total=False):
    Successful: list[_Id]
    Failed: list[_Failed]


class _Error(msgspec.Struct, rename={"type": "__type"}):
    type: str
    message: str = ""
    Message: str = ""


_ANSWERS: dict[str, msgspec.json.Decoder[Any]] = {
    "ReceiveMessage": msgspec.json.Decoder(_Received),
    "DeleteMessageBatch": msgspec.json.Decoder(_Answered),
    "ChangeMessageVisibilityBatch": msgspec.json.Decoder(_Answered),
}


class _Here(threading.local):
    """What each thread has for itself."""

    connection: HttpConnection | None = None


class SqsFastPath:
    """Connections to one endpoint, one for each thread. Safe to use from many threads."""

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
        """Give SQS's answer; None where boto3 has to be asked.

        Raises `Refused`, and `TimeoutError` when nobody answers in time.
        """
        decoder = _ANSWERS.get(operation)
        if decoder is None:
            return None
        body = msgspec.json.encode(parameters)
        target = f"AmazonSQS.{operation}"
        headers = {"host": self._named, "content-type": JSON, "x-amz-target": target, "x-amzn-query-mode": "true"}
        try:
            status, told, said = self._connection().post(body, self._sign(headers, body))
        except TimeoutError:
            self._drop()
            raise
        except (OSError, UnexpectedResponseError):
            self._drop()
            return None
        try:
            if status == 200:
                return _read(decoder, said)
            if 400 <= status < 500:
                raise SqsError(_why(said, told.get("x-amzn-query-error", "")))
        except (ValueError, RecursionError):  # no JSON, or JSON of another shape
            return None
        return None

    def _connection(self) -> HttpConnection:
        found = self._here.connection
        if found is not None and not found.should_close:
            return found
        self._drop()
        made = HttpConnection(self._connected())
        self._open.add(made)
        self._here.connection = made
        return made

    def _connected(self) -> socket.socket:
        made = socket.create_connection(self._where, self._endpoint.connect_seconds)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is not None:
            made = self._context.wrap_socket(made, server_hostname=self._where[0])
        made.settimeout(self._endpoint.read_seconds)
        return made

    def _drop(self) -> None:
        """Let this thread's connection go: nobody knows what would come on it."""
        found = self._here.connection
        if found is not None:
            self._here.connection = None
            self._open.discard(found)
            found.close()


def _read(decoder: msgspec.json.Decoder[Any], said: bytes) -> dict[str, Any]:
    try:
        found: dict[str, Any] = decoder.decode(said)
    except msgspec.DecodeError:
        # One body with half a surrogate pair would else hold up all that came with it.
        found = msgspec.convert(json.loads(said), decoder.type)
    return found


def _why(said: bytes, query_error: str) -> str:
    """Put an error in words, under the code that boto3 gives it. Raises ValueError for what is no error of SQS."""
    found = msgspec.json.decode(said, type=_Error)
    return f"{query_error.partition(';')[0] or found.type.rpartition('#')[2]}: {found.message or found.Message}"


def _close(connections: set[HttpConnection]) -> None:
    for each in list(connections):
        each.close()
