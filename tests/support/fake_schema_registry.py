"""An in-memory schema registry with the part of Confluent's HTTP API that the client uses.

Source: Confluent's "Schema Registry API Reference". A schema has the same id in every subject.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from avro import schema as avro_schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.errors import AvroException

Answer = tuple[int, Any]

NO_SUBJECT: Answer = (404, {"error_code": 40401, "message": "Subject not found."})
NO_SCHEMA: Answer = (404, {"error_code": 40403, "message": "Schema not found"})


class RegistryDouble:
    """A schema registry. `asked` lists the method and path of every request."""

    def __init__(self) -> None:
        self.schemas: dict[int, dict[str, Any]] = {}
        self.subjects: dict[str, list[int]] = defaultdict(list)
        self.levels: dict[str, str] = {}
        self.asked: list[str] = []
        self.login = ""
        self.says: tuple[int, bytes] | None = None
        """If set, the response to every request."""
        self._server: ThreadingHTTPServer | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """The URL, also while the registry is down."""
        return f"http://127.0.0.1:{self._port}"

    def up(self) -> None:
        """Start the server on the same port as before."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), _handler(self))
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def down(self) -> None:
        """Stop the server and close its port."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def add(self, text: str, kind: str = "AVRO") -> int:
        """Store a schema without a subject or a validity check, and return its id."""
        sent = {"schema": text, "schemaType": kind}
        return next((id_ for id_, each in self.schemas.items() if each == sent), None) or self._new(sent)

    def answer(self, method: str, path: str, body: Any, login: str) -> Answer:
        """Return the response to a request."""
        if self.login and login != f"Basic {base64.b64encode(self.login.encode()).decode()}":
            return 401, {"error_code": 401, "message": "Unauthorized"}
        match method, [unquote(part) for part in path.strip("/").split("/")]:
            case "POST", ["subjects", subject, "versions"]:
                return self._register(subject, body)
            case "POST", ["subjects", subject]:
                return self._look_up(subject, body)
            case "GET", ["schemas", "ids", number]:
                stored = self.schemas.get(int(number))
                return NO_SCHEMA if stored is None else (200, stored)
            case "GET", ["subjects"]:
                return 200, list(self.subjects)
            case "PUT", ["config", subject]:
                self.levels[subject] = body["compatibility"]
                return 200, body
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}

    def _register(self, subject: str, body: dict[str, Any]) -> Answer:
        try:
            avro_schema.parse(body["schema"])
        except AvroException as error:
            return 422, {"error_code": 42201, "message": f"Invalid schema: {error}"}
        ids = self.subjects.get(subject, [])
        for id_ in ids:
            old = self.schemas[id_]["schema"]
            both = (body["schema"], old), (old, body["schema"])
            if self.levels.get(subject) == "FULL_TRANSITIVE" and not all(_reads(*pair) for pair in both):
                message = "Schema being registered is incompatible with an earlier schema"
                return 409, {"error_code": 409, "message": f'{message} for subject "{subject}"'}
        id_ = self.add(body["schema"])
        if id_ not in ids:
            self.subjects[subject].append(id_)
        return 200, {"id": id_}

    def _look_up(self, subject: str, body: dict[str, Any]) -> Answer:
        if subject not in self.subjects:
            return NO_SUBJECT
        for version, id_ in enumerate(self.subjects[subject], 1):
            if self.schemas[id_]["schema"] == body["schema"]:
                return 200, {"subject": subject, "id": id_, "version": version, "schema": body["schema"]}
        return NO_SCHEMA

    def _new(self, sent: dict[str, Any]) -> int:
        self.schemas[len(self.schemas) + 1] = sent
        return len(self.schemas)


@contextmanager
def registry_double() -> Iterator[RegistryDouble]:
    """Run a registry for the duration of the block."""
    double = RegistryDouble()
    double.up()
    try:
        yield double
    finally:
        double.down()


def _reads(reader: str, writer: str) -> bool:
    checker: Any = ReaderWriterCompatibilityChecker  # avro has no types
    result = checker().get_compatibility(avro_schema.parse(reader), avro_schema.parse(writer))
    return bool(result.compatibility is SchemaCompatibilityType.compatible)


def _handler(double: RegistryDouble) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body, path = self.rfile.read(length), urlsplit(self.path).path
            double.asked.append(f"{self.command} {path}")
            if double.says is not None:
                status, answer = double.says
            else:
                login = self.headers.get("authorization", "")
                status, content = double.answer(self.command, path, json.loads(body or b"null"), login)
                answer = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-type", "application/vnd.schemaregistry.v1+json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PUT = do  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    return Handler


def ids_of(text: str) -> list[int]:
    """Read the ids out of what `headrace schemas register` says."""
    return [int(number) for number in re.findall(r", id (\d+)$", text, re.MULTILINE)]
