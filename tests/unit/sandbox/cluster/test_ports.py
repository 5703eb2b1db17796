"""Tests of free ports and health checks."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from headrace.sandbox.cluster.ports import PORTS, free_port, is_free, is_healthy


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.fixture
def http_port() -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/health" else 500)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_reuses_the_preferred_port() -> None:
    wanted = free_port(None, (), random.Random())
    assert free_port(wanted, (), random.Random()) == wanted


def test_does_not_return_an_occupied_port(taken: int) -> None:
    assert not is_free(taken)
    assert free_port(taken, (), random.Random()) != taken


def test_returns_distinct_ports() -> None:
    first = free_port(None, (), random.Random(7))
    second = free_port(first, (first,), random.Random(7))
    assert second != first


def test_ports_are_below_the_ephemeral_range() -> None:
    assert free_port(None, (), random.Random()) in PORTS
    assert PORTS.stop <= 32_768


def test_status_200_is_healthy(http_port: int) -> None:
    assert is_healthy(http_port, "/health")
    assert not is_healthy(http_port, "/other")


def test_unreachable_server_is_not_healthy() -> None:
    port = free_port(None, (), random.Random())
    assert not is_healthy(port, "/health")
