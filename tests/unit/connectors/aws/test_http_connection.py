"""A keep-alive connection reads plain responses and raises for all others."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from headrace.connectors.aws.http_connection import HttpConnection, UnexpectedResponseError

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Said: a: b\r\n\r\n{}"


@pytest.fixture
def ends() -> Iterator[tuple[HttpConnection, socket.socket]]:
    here, there = socket.socketpair()
    here.settimeout(5)
    connection = HttpConnection(here)
    yield connection, there
    connection.close()
    there.close()


def test_connection_is_reused_for_each_request(ends: tuple[HttpConnection, socket.socket]) -> None:
    connection, there = ends
    for body in (b"a", b"bc"):
        there.sendall(PLAIN)
        assert connection.post(body, {"host": "h"}) == (200, {"content-length": "2", "x-said": "a: b"}, b"{}")
        assert there.recv(1000) == b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    assert not connection.should_close


def test_connection_close_header_ends_the_connection(ends: tuple[HttpConnection, socket.socket]) -> None:
    connection, there = ends
    there.sendall(PLAIN.replace(b"X-Said: a: b", b"Connection: Close"))
    connection.post(b"", {})
    assert connection.should_close


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 ok\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nno header\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200,
    ],
)
def test_unsupported_response_is_rejected(ends: tuple[HttpConnection, socket.socket], answer: bytes) -> None:
    connection, there = ends
    there.sendall(answer)
    there.shutdown(socket.SHUT_WR)
    with pytest.raises(UnexpectedResponseError):
        connection.post(b"", {})


def test_header_has_no_line_breaks(ends: tuple[HttpConnection, socket.socket]) -> None:
    with pytest.raises(UnexpectedResponseError):
        ends[0].post(b"", {"host": "h\r\nx-more: 1"})
