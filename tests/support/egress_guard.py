"""HTTP proxy that records every destination of a process and serves only known addresses."""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


class Egress:
    """An HTTP proxy that serves `responses` by address. `asked` lists every requested host and port."""

    def __init__(self, responses: Mapping[str, bytes], tls: ssl.SSLContext) -> None:
        self._responses = responses
        self._tls = tls
        self.asked: list[str] = []
        self.port = 0

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables that send all traffic except localhost through this proxy."""
        url = f"http://127.0.0.1:{self.port}"
        return {"HTTPS_PROXY": url, "HTTP_PROXY": url, "http_proxy": url, "NO_PROXY": "127.0.0.1,localhost"}

    def answer(self, connection: Any) -> None:
        """Answer one connection."""
        _, target = _request(connection)
        if "://" not in target:  # CONNECT
            self.asked.append(target)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            with self._tls.wrap_socket(connection, server_side=True) as inside:
                _, path = _request(inside)
                self._respond(inside, f"https://{target.removesuffix(':443')}{path}")
        else:
            self.asked.append(urlsplit(target).netloc)
            self._respond(connection, target)

    def _respond(self, connection: Any, url: str) -> None:
        body = self._responses.get(url)
        status = "404 Not Found" if body is None else "200 OK"
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body or b'')}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + (body or b""))


@contextmanager
def egress(responses: Mapping[str, bytes], certificate: Path) -> Iterator[Egress]:
    """Run a proxy that presents this certificate for every host."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    proxy = Egress(responses, tls)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            proxy.answer(self.request)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        proxy.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield proxy
        server.shutdown()


def _request(connection: Any) -> tuple[str, str]:
    """Read the head of a request and return its method and target."""
    head = b""
    while b"\r\n\r\n" not in head:
        received = connection.recv(4096)
        if not received:
            return "", ""
        head += received
    method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
    return method, target
