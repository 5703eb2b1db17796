"""A small S3 with faults, in a process of its own: `python -m tests.chaos.proof.object_store PORT FILE`.

It has the operations that stages and AI services use: GET, HEAD, PUT with conditions, DELETE, COPY and ListObjectsV2.
A key has one content, which every version id reads. The objects are in SQLite, so that a million of them need no
memory, and a list costs as much as its own keys: MiniStack sorts the keys of the whole bucket for each list.

`PUT /_fault` sets a `Trouble` as JSON; requests are chosen by counting, so that runs are reproducible.
"""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import msgspec
import uvloop

CONTROL = "/_fault"
PAGE = 1000
TABLE = "CREATE TABLE IF NOT EXISTS objects (name TEXT PRIMARY KEY, body BLOB, etag TEXT) WITHOUT ROWID"


class Trouble(msgspec.Struct, frozen=True):
    """A fault of the store: `unavailable`, `slow` (by `seconds`) or `failing`, for `share` of the requests."""

    mode: str = ""
    share: float = 1.0
    seconds: float = 1.0


class Request(msgspec.Struct, frozen=True):
    """One HTTP request; `name` is `bucket/key`."""

    method: str
    name: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


class Response(msgspec.Struct, frozen=True):
    """One HTTP response."""

    status: int
    body: bytes = b""
    etag: str = ""


class Store:
    """The objects."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {TABLE};")

    def answer(self, request: Request) -> Response:
        """Execute a request."""
        if "/" not in request.name.rstrip("/"):
            return self._listed(request.name.rstrip("/"), request.query)
        found = self._db.execute("SELECT body, etag FROM objects WHERE name = ?", (request.name,)).fetchone()
        if error := _condition(request, found[1] if found else None):
            return error
        if request.method == "PUT":
            return self._put(request)
        if request.method == "DELETE":
            self._db.execute("DELETE FROM objects WHERE name = ?", (request.name,))
            return Response(204)
        if found is None:
            return _error(404, "NoSuchKey")
        if "tagging" in request.query:
            return Response(200, b"<Tagging><TagSet></TagSet></Tagging>")
        return Response(200, found[0], found[1])

    def _put(self, request: Request) -> Response:
        source = request.headers.get("x-amz-copy-source")
        if source is None:
            return Response(200, b"", self._write(request.name, request.body))
        name = unquote(source).lstrip("/").partition("?")[0]
        found = self._db.execute("SELECT body FROM objects WHERE name = ?", (name,)).fetchone()
        if found is None:
            return _error(404, "NoSuchKey")
        etag = self._write(request.name, found[0])
        return Response(200, f"<CopyObjectResult><ETag>{escape(etag)}</ETag></CopyObjectResult>".encode())

    def _write(self, name: str, body: bytes) -> str:
        etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
        self._db.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?)", (name, body, etag))
        return etag

    def _listed(self, bucket: str, query: dict[str, list[str]]) -> Response:
        prefix = f"{bucket}/{query.get('prefix', [''])[0]}"
        after = max(prefix, f"{bucket}/{query.get('start-after', [''])[0]}")
        sql = "SELECT name, length(body) FROM objects WHERE name >= ? AND name <> ? AND name < ? ORDER BY name LIMIT ?"
        start_after = f"{bucket}/{query.get('start-after', [''])[0]}"
        rows = self._db.execute(sql, (after, start_after, f"{prefix}\U0010ffff", PAGE + 1)).fetchall()
        cut, shown = len(bucket) + 1, rows[:PAGE]
        contents = "".join(
            f"<Contents><Key>{escape(name[cut:])}</Key><Size>{size}</Size></Contents>" for name, size in shown
        )
        more = str(len(rows) > PAGE).lower()
        head = f"<KeyCount>{len(shown)}</KeyCount><IsTruncated>{more}</IsTruncated>"
        return Response(200, f"<ListBucketResult>{head}{contents}</ListBucketResult>".encode())


class Server:
    """The store behind its faults."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._trouble = Trouble()
        self._seen = 0

    def control(self, body: bytes) -> None:
        """Set the fault; an empty mode ends it."""
        self._trouble = msgspec.json.decode(body, type=Trouble)
        self._seen = 0

    def trouble(self) -> Trouble:
        """Return the fault of the next request; without a mode it has none."""
        trouble, seen = self._trouble, self._seen
        self._seen += 1
        due = int((seen + 1) * trouble.share) > int(seen * trouble.share)
        return trouble if due else Trouble()

    def answer(self, request: Request) -> Response:
        """Execute a request."""
        return self._store.answer(request)


class Connection(asyncio.Protocol):
    """One connection. Responds once the request body is complete."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._data = b""
        self._continued = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport."""
        self._transport: Any = transport  # that of uvloop is no asyncio.Transport

    def data_received(self, data: bytes) -> None:
        """Respond to every complete request, and to `Expect: 100-continue`."""
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            first, *lines = self._data[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            begin, length = end + 4, int(headers.get("content-length", 0))
            if len(self._data) < begin + length:
                if headers.get("expect") and not self._continued:
                    self._continued = True
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            body, self._data = self._data[begin : begin + length], self._data[begin + length :]
            self._continued = False
            method, target, _ = first.split(" ")
            url = urlsplit(target)
            query = parse_qs(url.query, keep_blank_values=True)
            self._execute(Request(method, unquote(url.path).lstrip("/"), query, headers, body))

    def _execute(self, request: Request) -> None:
        if f"/{request.name}" == CONTROL:
            if request.method == "PUT":
                self._server.control(request.body)
            self._write(Response(200), request)
            return
        trouble = self._server.trouble()
        if trouble.mode == "unavailable":
            self._transport.abort()
        elif trouble.mode == "failing":
            self._write(_error(503, "ServiceUnavailable"), request)
        else:
            delay = trouble.seconds if trouble.mode == "slow" else 0.0
            asyncio.get_running_loop().call_later(delay, self._respond, request)

    def _respond(self, request: Request) -> None:
        self._write(self._server.answer(request), request)

    def _write(self, response: Response, request: Request) -> None:
        etag = f"ETag: {response.etag}\r\n" if response.etag else ""
        size = len(response.body)
        head = f"HTTP/1.1 {response.status} OK\r\nContent-Type: application/xml\r\n{etag}Content-Length: {size}\r\n"
        date = "Last-Modified: Sat, 14 Mar 2026 15:09:26 GMT\r\n\r\n"
        self._transport.write((head + date).encode() + (b"" if request.method == "HEAD" else response.body))


def _condition(request: Request, etag: str | None) -> Response | None:
    if request.headers.get("if-none-match") == "*" and etag is not None:
        return _error(412, "PreconditionFailed")
    wanted = request.headers.get("if-match")
    if wanted is None or (etag is not None and wanted.strip('"') == etag.strip('"')):
        return None
    return _error(412, "PreconditionFailed") if etag else _error(404, "NoSuchKey")


def _error(status: int, code: str) -> Response:
    return Response(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())


async def main(port: int, path: Path) -> None:
    """Serve until the process ends."""
    server = Server(Store(path))
    listener = await asyncio.get_running_loop().create_server(lambda: Connection(server), "127.0.0.1", port)
    await listener.serve_forever()


def run() -> None:
    """Serve with the port and the file of sys.argv."""
    uvloop.run(main(int(sys.argv[1]), Path(sys.argv[2])))


if __name__ == "__main__":
    run()
