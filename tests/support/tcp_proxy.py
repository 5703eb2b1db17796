"""A TCP proxy that a test can open, stall and close."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def forwarding(to: str, port: int) -> Iterator[threading.Event]:
    """Forward a local port to `host:port` while the block runs; afterwards the port is closed.

    While the yielded event is cleared, connections stay open and no bytes pass, as in a network that drops packets.
    """
    proxy = _Proxy(to, socket.create_server(("127.0.0.1", port)))
    threading.Thread(target=proxy.accept, daemon=True).start()
    try:
        yield proxy.flowing
    finally:
        proxy.close()


class _Proxy:
    def __init__(self, to: str, server: socket.socket) -> None:
        self.flowing = threading.Event()
        self.flowing.set()
        self._host, _, self._port = to.partition(":")
        self._server = server
        self._opened: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closed = False

    def accept(self) -> None:
        """Accept connections until the proxy is closed."""
        with contextlib.suppress(OSError):
            while True:
                client = self._server.accept()[0]
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def close(self) -> None:
        """Close the port and all connections."""
        with self._lock:
            self._closed = True
            opened = [*self._opened]
        self.flowing.set()
        for each in (self._server, *opened):
            _shut(each)
        self._server.close()

    def _connect(self, client: socket.socket) -> None:
        """Connect a client to the target; close its connection if the target is down."""
        target = (self._host, int(self._port))
        with client, contextlib.suppress(OSError), socket.create_connection(target) as upstream:
            self._join(client, upstream)

    def _join(self, client: socket.socket, upstream: socket.socket) -> None:
        with self._lock:
            if self._closed:
                return
            self._opened |= {client, upstream}
        back = threading.Thread(target=self._pump, args=(upstream, client), daemon=True)
        back.start()
        self._pump(client, upstream)
        back.join()
        with self._lock:
            self._opened -= {client, upstream}

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        """Copy bytes until one side closes the connection."""
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                self.flowing.wait()
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
            return
        _shut(other)
        _shut(one)


def _shut(each: socket.socket) -> None:
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
