"""Posts over one kept HTTP/1.1 connection, and reads the plain kind of answer: a status, headers, and so many bytes.

The standard library's client takes four times as long, most of it to read headers as those of a mail.
Source: RFC 9112, "HTTP/1.1".
"""

from __future__ import annotations

import socket
from collections.abc import Mapping

MOST_HEADERS = 100
LONGEST_LINE = 65536


class UnexpectedResponseError(Exception):
    """What came is no answer of the plain kind; the connection is of no use any more."""


class HttpConnection:
    """One connection, used by one thread at a time. Errors of the network come as `OSError`."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._answers = connected.makefile("rb")
        self.should_close = False
        """Whether the other side said that it takes nothing more."""

    def post(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Post to `/`. Gives the answer's status, its headers, whose names are in lower case, and its body.

        Raises `Strange` for an answer of another kind.
        """
        lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
        head = f"POST / HTTP/1.1\r\n{''.join(lines)}content-length: {len(body)}\r\n\r\n"
        if head.count("\n") != len(lines) + 3:
            raise UnexpectedResponseError("a header of more than one line")
        self._socket.sendall(head.encode() + body)
        status, told = self._status(), self._headers()
        self.should_close = told.get("connection", "").lower() == "close"
        if "transfer-encoding" in told or not told.get("content-length", "").isdecimal():
            raise UnexpectedResponseError("no length")
        length = int(told["content-length"])
        found = self._answers.read(length)
        if len(found) < length:
            raise UnexpectedResponseError("it ends before its end")
        return status, told, found

    def close(self) -> None:
        """Let it go."""
        self._answers.close()
        self._socket.close()

    def _status(self) -> int:
        words = self._answers.readline(LONGEST_LINE).split(None, 2)
        if len(words) < 2 or words[0] != b"HTTP/1.1" or not words[1].isdigit():
            raise UnexpectedResponseError("no HTTP/1.1")
        return int(words[1])

    def _headers(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for _ in range(MOST_HEADERS):
            line = self._answers.readline(LONGEST_LINE)
            if line == b"\r\n":
                return found
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon:
                break
            found[name.lower()] = value.strip()
        raise UnexpectedResponseError("no headers")
