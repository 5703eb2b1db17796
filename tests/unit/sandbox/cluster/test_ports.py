"""Ports that are free, and servers that answer."""

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
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_the_port_that_a_part_had_is_given_again() -> None:
    wanted = free_port(None, (), random.Random())
    assert free_port(wanted, (), random.Random()) == wanted


def test_a_port_that_another_server_holds_is_not_given(taken: int) -> None:
    assert not is_free(taken)
    assert free_port(taken, (), random.Random()) != taken


def test_two_parts_never_get_the_same_port() -> None:
    first = free_port(None, (), random.Random(7))
    second = free_port(first, (first,), random.Random(7))
    assert second != first


def test_ports_lie_below_those_of_outgoing_connections() -> None:
    assert free_port(None, (), random.Random()) in PORTS
    assert PORTS.stop <= 32_768


def test_health_is_an_answer_with_200(http_port: int) -> None:
    assert is_healthy(http_port, "/health")
    assert not is_healthy(http_port, "/other")


def test_nobody_there_is_not_healthy() -> None:
    port = free_port(None, (), random.Random())
    assert not is_healthy(port, "/health")
