"""A fake SQS that returns given responses and records its requests."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support import http_server
from tests.support.http_server import Response

QUEUE = "https://sqs.us-east-1.amazonaws.com/000000000000/media"


@dataclass(frozen=True)
class Request(http_server.Request):
    """A received request."""

    @property
    def asked(self) -> Any:
        return json.loads(self.body)

    @property
    def operation(self) -> str:
        return self.headers["X-Amz-Target"].removeprefix("AmazonSQS.")


@dataclass
class SqsServer:
    """`answers` are given in turn, then `{}`: a status and a body, or a body alone."""

    url: str = ""
    answers: deque[Any] = field(default_factory=deque)
    requests: list[Request] = field(default_factory=list)
    hangs_up: bool = False
    silent: threading.Event | None = None

    @property
    def connections(self) -> set[tuple[str, int]]:
        return {request.client for request in self.requests}

    def answer(self, request: http_server.Request) -> Response:
        self.requests.append(Request(request.path, request.headers, request.body, request.client))
        if self.silent is not None:
            self.silent.wait(10)
        found = self.answers.popleft() if self.answers else {}
        status, body = found if isinstance(found, tuple) else (200, found)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Response(status, content, {"Connection": "close"} if self.hangs_up else {})


@contextmanager
def serving() -> Iterator[SqsServer]:
    """Serve while the block lasts."""
    server = SqsServer()
    with http_server.serving(server.answer) as server.url:
        try:
            yield server
        finally:
            if server.silent is not None:
                server.silent.set()
