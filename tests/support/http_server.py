"""A local HTTP server whose responses come from a function."""

from __future__ import annotations

import ssl
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Request:
    """A request and its client address. Header names are case-insensitive."""

    path: str
    headers: Message
    body: bytes
    client: tuple[str, int]
    method: str = "POST"


@dataclass(frozen=True)
class Response:
    """An HTTP response."""

    status: int = 204
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # shutdown does not wait for pending TLS handshakes

    def handle_error(self, *args: Any) -> None:
        """Do not log clients that disconnect early."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(*args)


@contextmanager
def serving(answer: Callable[[Request], Response], certificate: Path | None = None) -> Iterator[str]:
    """Run a server with one thread per request for the duration of the block; yield its URL.

    With `certificate`, a PEM file of a certificate and its key, the server uses TLS as `localhost`.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            response = answer(Request(self.path, self.headers, body, self.client_address, self.command))
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(response.body)))
            self.end_headers()
            self.wfile.write(response.body)

        def log_message(self, *_: Any) -> None:
            """Do not log requests."""

    for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH"):
        setattr(Handler, f"do_{method}", Handler.do_POST)
    server = _Server(("127.0.0.1", 0), Handler)
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}" if certificate else f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
