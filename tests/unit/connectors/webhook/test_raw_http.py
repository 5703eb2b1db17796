"""The webhook over raw HTTP: every request has one correct answer, in bounded time, and is accepted at most once."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from headrace.connectors.webhook import handler
from headrace.connectors.webhook.server import create_app
from headrace.schemas.runtime.http_server import create_server, listen
from tests.support.fake_sns import Sns, body_of, headers_of
from tests.unit.connectors.webhook.sns_messages import notification, record
from tests.unit.connectors.webhook.test_handler import World

WITHIN_SECONDS = 30.0
READ_SECONDS = 0.5
ACCEPTED, DUPLICATE = (200, b"accepted"), (200, b"duplicate")


@contextmanager
def serving(world: World) -> Iterator[int]:
    """Serve a webhook in a thread; yield its port."""

    @asynccontextmanager
    async def open_webhook() -> Any:
        yield world.webhook()

    listener = listen("127.0.0.1", 0)
    server = create_server(create_app(open_webhook), 50, lifespan="on")
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(WITHIN_SECONDS)
        listener.close()
    assert not thread.is_alive()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(handler, "READ_SECONDS", READ_SECONDS)
    return World(Sns())


@pytest.fixture
def port(world: World) -> Iterator[int]:
    with serving(world) as port:
        yield port


@pytest.fixture
def body(world: World) -> bytes:
    return body_of(world.sns.notification(notification(record("a.jpg"))))


def request(body: bytes, *lines: str, start: str = "POST /sns HTTP/1.1", length: str = "{}") -> bytes:
    """Return the bytes of a request with the headers of SNS, and further lines."""
    known = headers_of(json.loads(body))
    headers = [start, "Host: webhook", *lines, *(f"{name}: {value}" for name, value in known.items())]
    if length:
        headers.append(f"Content-Length: {length.format(len(body))}")
    return "\r\n".join([*headers, "", ""]).encode("latin-1")


def chunked(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def exchange(port: int, data: bytes, *, close: bool = False) -> list[tuple[int, bytes]]:
    """Send bytes and return every response until the server closes the connection."""
    received = bytearray()
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=WITHIN_SECONDS) as connection:
        try:
            connection.sendall(data)
            if close:
                connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65536):
                received += chunk
        except ConnectionError:
            pass
    assert time.monotonic() - begun < WITHIN_SECONDS
    return responses(bytes(received))


def responses(received: bytes) -> list[tuple[int, bytes]]:
    """Split responses with a Content-Length."""
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in lines[1:])
        length = int(fields.get(b"content-length", len(rest)))
        found.append((int(lines[0].split()[1]), rest[:length]))
        received = rest[length:]
    return found


def test_requests_on_one_connection_are_accepted_once(port: int, body: bytes, world: World) -> None:
    assert exchange(port, request(body) + body + request(body, "Connection: close") + body) == [ACCEPTED, DUPLICATE]
    assert len(world.records) == 1


VALID = {
    "chunked": (("Transfer-Encoding: chunked",), {"length": ""}, True),
    "HTTP/1.0": ((), {"start": "POST /sns HTTP/1.0"}, False),
    "absolute-form": ((), {"start": "POST http://webhook/sns HTTP/1.1"}, False),
    "absolute-form with query": ((), {"start": "POST https://webhook:8080/sns?a=b HTTP/1.1"}, False),
    "equal lengths": ((), {"length": "{0}, {0}"}, False),
    "unknown header": (("X-Other: caf\xe9 \xff",), {}, False),
}


@pytest.mark.parametrize("case", VALID)
def test_valid_request_is_accepted(case: str, port: int, body: bytes, world: World) -> None:
    lines, options, is_chunked = VALID[case]
    data = request(body, "Connection: close", *lines, **options) + (chunked(body) if is_chunked else body)
    assert exchange(port, data) == [ACCEPTED]
    assert len(world.records) == 1


def test_client_that_expects_100_continue_gets_it(port: int, body: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=WITHIN_SECONDS) as connection:
        connection.sendall(request(body, "Expect: 100-continue"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


INVALID = {
    "two lengths": ((), {"length": "{0}\r\nContent-Length: 3"}, 400),
    "length and chunks": (("Transfer-Encoding: chunked",), {}, 400),
    "chunks and length zero": (("Transfer-Encoding: chunked",), {"length": "0"}, 400),
    "signed length": ((), {"length": "+{0}"}, 400),
    "negative length": ((), {"length": "-1"}, 400),
    "length of 5,000 digits": ((), {"length": "9" * 5000}, 400),
    "space before the colon": ((), {"length": "1\r\nContent-Length : {0}"}, 400),
    "unknown coding": (("Transfer-Encoding: gzip, chunked",), {"length": ""}, 400),
    "hidden coding": (("Transfer-Encoding: \x0bchunked",), {"length": ""}, 400),
    "huge header": (("X-Other: " + "x" * 2_000_000,), {}, 400),
    "many headers": (tuple(f"X-{number}: x" for number in range(200_000)), {}, 400),
    "NUL in a header": (("X-Other: a\x00b",), {}, 400),
    "no body": ((), {"length": ""}, 403),
    "other path": ((), {"start": "POST /other HTTP/1.1"}, 404),
    "non-ASCII path": ((), {"start": "POST /\xff HTTP/1.1"}, 400),
    "other method": ((), {"start": "PUT /sns HTTP/1.1"}, 405),
}


@pytest.mark.parametrize("case", INVALID)
def test_invalid_request_is_rejected_and_its_connection_closed(case: str, port: int, body: bytes, world: World) -> None:
    lines, options, status = INVALID[case]
    found = exchange(port, request(body, *lines, **options) + chunked(body) + body)
    assert found[0][0] == status
    assert all(code >= 400 for code, _ in found)
    assert world.records == []


@pytest.mark.parametrize(
    "chunks",
    [b"zz\r\n", b"-5\r\nhello\r\n", b"5 hello\r\n", b"f" * 30 + b"\r\n", b"5\r\nhelloXX0\r\n\r\n"],
)
def test_invalid_chunks_are_rejected(chunks: bytes, port: int, body: bytes, world: World) -> None:
    found = exchange(port, request(body, "Transfer-Encoding: chunked", length="") + chunks)
    assert [code for code, _ in found] == [400]
    assert world.records == []


@pytest.mark.parametrize("close", [False, True], ids=["waits", "ends"])
@pytest.mark.parametrize("case", ["length", "chunked"])
def test_incomplete_body_is_not_accepted(case: str, close: bool, port: int, body: bytes, world: World) -> None:
    if case == "length":
        data = request(body, length=str(len(body) + 1)) + body
    else:
        data = request(body, "Transfer-Encoding: chunked", length="") + chunked(body)[:-2]
    found = exchange(port, data, close=close)
    assert [code for code, _ in found] in ([503], [400], [])
    assert world.records == []


def test_slow_body_is_cut_off(port: int, body: bytes, world: World) -> None:
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=WITHIN_SECONDS) as connection:
        connection.sendall(request(body))
        connection.settimeout(0.05)
        received = b""
        for byte in body:
            try:
                connection.sendall(bytes([byte]))
                received = connection.recv(65536)
            except TimeoutError:
                continue
            break
    assert received.startswith(b"HTTP/1.1 503 ")
    assert time.monotonic() - begun < WITHIN_SECONDS
    assert world.records == []


def test_rest_of_a_short_length_is_no_second_request(port: int, body: bytes, world: World) -> None:
    found = exchange(port, request(body, length=str(len(body) - 10)) + body)
    assert [code for code, _ in found] == [403]
    assert world.records == []
