"""POST over one keep-alive HTTP/1.1 connection. Responses must have a Content-Length.

The standard library's client takes four times as long, mostly to parse headers as an e-mail.
Source: RFC 9112, "HTTP/1.1".
"""

from __future__ import annotations

import socket
from collections.abc import Mapping

from headrace.schemas.parsing import InvalidValueError, parse_int

MAX_BODY = 16 * 2**20
"""A batch of ten messages of 1 MiB, as JSON."""
MAX_HEADERS = 100
LONGEST_LINE = 65536


class UnexpectedResponseError(Exception):
    """The response is not one that this client parses; the connection must be closed."""


class HttpConnection:
    """One connection, for one thread at a time. Network errors are raised as `OSError`."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._answers = connected.makefile("rb")
        self.should_close = False
        """Whether the server sent `Connection: close`."""

    def post(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        """POST to `/`. Returns the status, the headers with lower-case names, and the body.

        Raises `Strange` for an answer of another kind.
        """
        lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
        head = f"POST / HTTP/1.1\r\n{''.join(lines)}content-length: {len(body)}\r\n\r\n"
        if head.count("\n") != len(lines) + 3:
            raise UnexpectedResponseError("a header of more than one line")
        self._socket.sendall(head.encode() + body)
        status, headers_received = self._status(), self._headers()
        self.should_close = headers_received.get("connection", "").lower() == "close"
        if "transfer-encoding" in headers_received:
            raise UnexpectedResponseError("no length")
        length = _number(headers_received.get("content-length"), MAX_BODY)
        content = self._answers.read(length)
        if len(content) < length:
            raise UnexpectedResponseError("it ends before its end")
        return status, headers_received, content

    def close(self) -> None:
        """Close the socket."""
        self._answers.close()
        self._socket.close()

    def _status(self) -> int:
        words = self._answers.readline(LONGEST_LINE).split(None, 2)
        if len(words) < 2 or words[0] != b"HTTP/1.1":
            raise UnexpectedResponseError("no HTTP/1.1")
        return _number(words[1], 999)

    def _headers(self) -> dict[str, str]:
        content: dict[str, str] = {}
        for _ in range(MAX_HEADERS):
            line = self._answers.readline(LONGEST_LINE)
            if line == b"\r\n":
                return content
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon:
                break
            content[name.lower()] = value.strip()
        raise UnexpectedResponseError("no headers")


def _number(value: str | bytes | None, maximum: int) -> int:
    try:
        return parse_int(value, 0, maximum)
    except InvalidValueError as error:
        raise UnexpectedResponseError(f"a length or a status is {error}") from None
