"""Clients that send no request do not keep others from being served."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from headrace.schemas.runtime import http_server
from headrace.schemas.runtime.http_server import listen, serve_in_thread

HALF_OPEN = b"POST /sns HTTP/1.1\r\nHost: x\r\n"
DEADLINE = 60.0


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer after the body has arrived."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@contextmanager
def serving(connections: int) -> Iterator[int]:
    listener = listen("127.0.0.1", 0)
    close = serve_in_thread(app, listener, connections)
    try:
        yield int(listener.getsockname()[1])
    finally:
        close()


def connect(port: int, data: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
    connection.sendall(data)
    return connection


def is_closed(connection: socket.socket) -> bool:
    """Wait for the server to close a connection."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def page(port: int) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=DEADLINE) as answer:
        return bytes(answer.read())


@pytest.mark.parametrize("data", [b"", b"P", HALF_OPEN], ids=["idle", "first byte", "half of the headers"])
def test_waiting_connections_make_room_for_new_ones(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "HEADER_SECONDS", int(DEADLINE))
    with serving(10) as port, ExitStack() as opened:
        waiting = [opened.enter_context(connect(port, data)) for _ in range(40)]
        assert page(port) == b"ok"
        assert all(is_closed(each) for each in waiting[:30])


@pytest.mark.parametrize("data", [b"", HALF_OPEN, b"GARBAGE\r\n\r\n"])
def test_connection_without_headers_is_closed(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "HEADER_SECONDS", 0.2)
    with serving(10) as port, connect(port, data) as connection:
        while connection.recv(4096):
            pass  # a response to garbage precedes the end


def test_slow_headers_do_not_extend_the_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "HEADER_SECONDS", 0.5)
    with serving(10) as port, connect(port, HALF_OPEN) as connection:
        connection.settimeout(0.05)
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            try:
                connection.sendall(b"x")
                if not connection.recv(1):
                    return
            except TimeoutError:
                continue
            except ConnectionError:
                return
    pytest.fail("the connection was not closed")


def test_connection_in_a_request_is_kept_and_reused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "HEADER_SECONDS", int(DEADLINE))
    request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"
    with serving(2) as port, connect(port, request + b"ab") as busy:
        for _ in range(5):
            assert page(port) == b"ok"
        busy.sendall(b"cd")
        assert busy.recv(4096).startswith(b"HTTP/1.1 200")
        busy.sendall(request + b"abcd")
        assert busy.recv(4096).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("host", ["a\x00b", "\ud800"])
def test_text_that_names_no_host_is_an_error_of_the_system(host: str) -> None:
    with pytest.raises(OSError, match="not the name of a host"):
        listen(host, 0)


def test_headers_are_bounded() -> None:
    with serving(10) as port, connect(port, b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 10_000) as connection:
        assert connection.recv(4096).startswith(b"HTTP/1.1 4")


def test_tls_handshakes_that_do_not_begin_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "HEADER_SECONDS", int(DEADLINE))
    file = certificate_file(tmp_path)
    server = http_server.create_server(app, 10, file, lifespan="off")
    listener = listen("127.0.0.1", 0)
    port = int(listener.getsockname()[1])
    trust = ssl.create_default_context(cafile=file)

    def request() -> bytes:
        with ExitStack() as opened:
            waiting = [opened.enter_context(connect(port)) for _ in range(40)]
            for _ in range(50):  # the first bytes of a client arrive before or after the handshake starts
                secure = opened.enter_context(trust.wrap_socket(connect(port), server_hostname="localhost"))
                secure.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                answer = secure.recv(4096)
            assert all(is_closed(each) for each in waiting[:30])
            return answer

    async def run() -> bytes:
        serving = asyncio.create_task(server.serve([listener]))
        answer = await asyncio.to_thread(request)
        server.should_exit = True
        await serving
        return answer

    assert asyncio.run(run()).startswith(b"HTTP/1.1 200")


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
from headrace.schemas.runtime.http_server import listen, serve_in_thread
from tests.unit.schemas.runtime.test_http_server import app
listener = listen("127.0.0.1", 0)
serve_in_thread(app, listener, 500)
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
"""


def test_235_half_open_connections_do_not_exhaust_256_descriptors() -> None:
    command = [sys.executable, "-c", LIMITED]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server,
        ExitStack() as opened,
    ):
        assert server.stdout is not None
        port = int(server.stdout.readline())
        for _ in range(235):
            opened.enter_context(connect(port, HALF_OPEN))
        assert page(port) == b"ok"
        server.terminate()


def certificate_file(folder: Path) -> Path:
    """Write a certificate for localhost with its key."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    file = folder / "server.pem"
    file.write_bytes(
        certificate.public_bytes(encoding) + key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
    )
    return file
