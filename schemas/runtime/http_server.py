"""HTTP servers that clients cannot block: bounded connections, and time-outs for handshakes, headers and idle time.

uvicorn has a time-out for idle connections after a response only. Here a connection that sends no complete headers is
closed, and once there are too many connections, the one that has waited longest makes room for a new one.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import sys
import threading
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["ConnectionLimit", "LimitedProtocol", "Server", "create_server", "listen", "serve_in_thread"]

HEADER_SECONDS = 5
"""Seconds for the TLS handshake and the headers of a request. A client on a slow network needs less than one."""
IDLE_SECONDS = 5
MAX_HEADER_BYTES = 16_384
_TWO_LENGTHS = {b"content-length", b"transfer-encoding"}
_CLOSE = [(b"content-length", b"0"), (b"connection", b"close")]


class ConnectionLimit:
    """The open connections of one server. Closes the one that has waited longest when there are too many."""

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._open: set[LimitedProtocol] = set()
        self._waiting: dict[LimitedProtocol, None] = {}

    def add(self, connection: LimitedProtocol) -> None:
        """Add a new connection. If all others have requests in progress, it is closed itself."""
        self._open.add(connection)
        self.waits(connection)
        if len(self._open) > self._maximum:
            next(iter(self._waiting)).abort()

    def waits(self, connection: LimitedProtocol) -> None:
        """Note that a connection has no request in progress."""
        if connection in self._open:
            self._waiting.setdefault(connection)

    def works(self, connection: LimitedProtocol) -> None:
        """Note that a connection has a request in progress."""
        self._waiting.pop(connection, None)

    def remove(self, connection: LimitedProtocol) -> None:
        """Remove a closed connection."""
        self._open.discard(connection)
        self._waiting.pop(connection, None)


class LimitedProtocol(H11Protocol):
    """A connection that is closed unless the headers of a request arrive in time."""

    def __init__(self, *given: Any, limit: ConnectionLimit, tls: ssl.SSLContext | None, **named: Any) -> None:
        super().__init__(*given, **named)
        self._limit = limit
        self._tls = tls
        self._raw: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time-out, and the TLS handshake if there is one, which calls this again with its transport."""
        if self._raw is not None:
            super().connection_made(transport)
            return
        self._raw = transport
        self._timer = self.loop.call_later(HEADER_SECONDS, self.abort)
        self._limit.add(self)
        if self._tls is None:
            super().connection_made(transport)
        else:
            self._start_tls(transport, self._tls)

    def data_received(self, data: bytes) -> None:
        """Handle data. The time-out ends with the headers, and starts again with the data after a response."""
        super().data_received(data)
        if self._has_request():
            self._stop_timer()
            self._limit.works(self)
        elif self._timer is None:
            self._timer = self.loop.call_later(HEADER_SECONDS, self.abort)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        if not self._has_request():
            self._limit.waits(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_timer()
        self._limit.remove(self)
        if self.transport is not None:
            super().connection_lost(exc)

    def abort(self) -> None:
        """Close the connection at once."""
        self._stop_timer()
        self._limit.remove(self)
        if self._raw is not None:
            self._raw.abort()

    def _start_tls(self, transport: asyncio.Transport, tls: ssl.SSLContext) -> None:
        """Start the handshake. `loop.start_tls` would lose bytes that arrive before it runs."""
        done: asyncio.Future[None] = self.loop.create_future()
        done.add_done_callback(self._handshake_done)
        handshake = SSLProtocol(
            self.loop,
            self,
            tls,
            done,
            server_side=True,
            call_connection_made=True,
            ssl_handshake_timeout=HEADER_SECONDS,
        )
        transport.set_protocol(handshake)
        handshake.connection_made(transport)

    def _handshake_done(self, done: asyncio.Future[None]) -> None:
        if done.cancelled() or done.exception() is not None:
            self.abort()

    def _has_request(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def strict(app: Any) -> Any:
    """Return an ASGI application that accepts the absolute form of a target, and rejects two lengths of one body.

    A proxy in front may take the other length, and the rest of the body for another request. Source: RFC 9112, 3.2.2
    and 6.3.
    """

    async def checked(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            if {name for name, _ in scope["headers"]} >= _TWO_LENGTHS:
                await send({"type": "http.response.start", "status": 400, "headers": _CLOSE})
                await send({"type": "http.response.body", "body": b""})
                return
            if not scope["path"].startswith("/"):
                scope = {**scope, "path": _path(scope["path"]), "raw_path": _path(scope["raw_path"].decode()).encode()}
        await app(scope, receive, send)

    return checked


def _path(target: str) -> str:
    """Return the path of a target in absolute form; any other target as it is."""
    scheme, found, rest = target.partition("://")
    return "/" + rest.partition("/")[2] if found and scheme.lower() in ("http", "https") else target


def create_server(app: Any, connections: int, tls_file: Path | None = None, **options: Any) -> Server:
    """Create a server for an ASGI application, for at most `connections` connections. `options` are uvicorn's.

    Raises:
        ssl.SSLError: The file has no PEM chain with its key.
    """
    config = Config(
        strict(app),
        ssl_certfile=tls_file,
        interface="asgi3",
        ws="none",
        proxy_headers=False,
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        timeout_keep_alive=IDLE_SECONDS,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        **options,
    )
    config.load()
    # The protocol does the handshake, so that its connections are counted from the start.
    tls, config.ssl = config.ssl, None
    limit = ConnectionLimit(max(1, min(connections, _descriptors() // 2)))
    config.http_protocol_class = partial(LimitedProtocol, limit=limit, tls=tls)  # type: ignore[assignment]
    return Server(config)


def serve_in_thread(app: Any, listener: socket.socket, connections: int) -> Callable[[], None]:
    """Serve an ASGI application in a thread until the returned function is called."""
    server = create_server(app, connections, lifespan="off")
    thread = threading.Thread(target=server.run, args=([listener],), name="http", daemon=True)
    thread.start()

    def close() -> None:
        server.should_exit = True
        thread.join()
        listener.close()

    return close


def listen(host: str, port: int) -> socket.socket:
    """Listen on an address.

    Raises:
        OSError: the address is in use, or the host is not one of this machine or no name of a host.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (TypeError, UnicodeError):
        raise OSError(errno.EINVAL, "not the name of a host") from None


def _descriptors() -> int:
    """Return how many files and sockets this process may have open."""
    if sys.platform == "win32":
        return 512
    import resource

    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
