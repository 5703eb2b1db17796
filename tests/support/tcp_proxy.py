"""A TCP proxy that a test can open and close."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def forwarding(to: str, port: int) -> Iterator[None]:
    """Forward a local port to `host:port` while the block runs; afterwards the port is closed."""
    host, target = to.split(":")
    server = socket.create_server(("127.0.0.1", port))
    opened: list[socket.socket] = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client = server.accept()[0]
                upstream = socket.create_connection((host, int(target)))
                opened.extend((client, upstream))
                for one, other in ((client, upstream), (upstream, client)):
                    threading.Thread(target=_pump, args=(one, other), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield
    finally:
        for each in (server, *opened):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def _pump(one: socket.socket, other: socket.socket) -> None:
    """Copy bytes until one side closes the connection."""
    with contextlib.suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_RDWR)
