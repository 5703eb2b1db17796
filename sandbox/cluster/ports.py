"""Find free local ports and check HTTP health."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Collection
from http.client import HTTPConnection, HTTPException

from headrace.sandbox.names import HOST

PORTS = range(20_000, 30_000)
"""Below the ephemeral port range, so that no client connection occupies the port of a stopped component."""


def free_port(preferred: int | None, taken: Collection[int], rng: random.Random) -> int:
    """Return a free port: the preferred one if it is free, else one of `PORTS` that is not in `taken`."""
    if preferred and preferred not in taken and is_free(preferred):
        return preferred
    while True:
        port = rng.choice(PORTS)
        if port not in taken and is_free(port):
            return port


def is_free(port: int) -> bool:
    """Return whether a server can listen on the port."""
    with socket.socket() as probe:
        # As servers do: connections of an earlier server in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def gets_free(port: int, seconds: float) -> bool:
    """Wait until the port is free. A killed process holds it until its last thread ends."""
    deadline = time.monotonic() + seconds
    while not is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def is_healthy(port: int, path: str) -> bool:
    """Return whether a GET of this path returns status 200."""
    connection = HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
