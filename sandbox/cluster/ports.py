"""Ports on this machine: find free ones, ask who answers."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Collection
from http.client import HTTPConnection, HTTPException

from headrace.sandbox.names import HOST

PORTS = range(20_000, 30_000)
"""Below what systems use for outgoing connections: no client of a part that is down comes to sit on its port."""


def free_port(preferred: int | None, taken: Collection[int], dice: random.Random) -> int:
    """A port that nobody listens on: the preferred one if it is free, else one of `PORTS` that is not in `taken`."""
    if preferred and preferred not in taken and is_free(preferred):
        return preferred
    while True:
        port = dice.choice(PORTS)
        if port not in taken and is_free(port):
            return port


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        # As servers do: connections of an earlier server that still linger are no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def gets_free(port: int, seconds: float) -> bool:
    """Whether the port is free within so many seconds: a killed process holds it until its last thread is gone."""
    deadline = time.monotonic() + seconds
    while not is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def is_healthy(port: int, path: str) -> bool:
    """Whether a GET of this path is answered with 200."""
    connection = HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
