"""An HTTP server that answers as a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

QUEUE = "https://sqs.us-east-1.amazonaws.com/000000000000/media"


@dataclass(frozen=True, slots=True)
class Request:
    """What came."""

    path: str
    headers: Message
    body: bytes

    @property
    def asked(self) -> Any:
        return json.loads(self.body)

    @property
    def operation(self) -> str:
        return self.headers["X-Amz-Target"].removeprefix("AmazonSQS.")


@dataclass
class SqsServer:
    """`answers` are given in turn, then `{}`: a status and a body, or a body alone."""

    port: int = 0
    answers: deque[Any] = field(default_factory=deque)
    requests: list[Request] = field(default_factory=list)
    connections: set[tuple[str, int]] = field(default_factory=set)
    hangs_up: bool = False
    silent: threading.Event | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self) -> tuple[int, bytes]:
        found = self.answers.popleft() if self.answers else {}
        status, body = found if isinstance(found, tuple) else (200, found)
        return status, body if isinstance(body, bytes) else json.dumps(body).encode()


@contextmanager
def serving() -> Iterator[SqsServer]:
    """Serve while the block lasts."""
    told = SqsServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.connections.add(self.client_address)
            told.requests.append(Request(self.path, self.headers, body))
            if told.silent is not None:
                told.silent.wait(10)
            status, content = told.answer()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            if told.hangs_up:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """Say nothing: some who ask do not wait for the answer."""

    server = Server(("127.0.0.1", 0), Handler)
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield told
    finally:
        if told.silent is not None:
            told.silent.set()
        server.shutdown()
        server.server_close()
        thread.join()
