"""Records to bytes and back: Avro single-object encoding. The only module that knows fastavro.

Source: Apache Avro 1.12 specification, "Single-object encoding": C3 01, the schema's 8-byte fingerprint, the datum.
"""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import Any

import fastavro
from fastavro.schema import fingerprint as _fingerprint
from fastavro.schema import to_parsing_canonical_form
from msgspec import convert, to_builtins

from schemas.catalog import Schema, Version, latest, versions
from schemas.envelope import PREFIX
from schemas.records import EVENTS, Event

MARKER = b"\xc3\x01"
HEADER = 10

_PLAIN = (datetime, bytes)
"""What fastavro takes as it is; msgspec would make text of it."""

_write = fastavro.schemaless_writer
_read = fastavro.schemaless_reader


class Undecodable(ValueError):
    """The bytes are no record of ours, and never will be."""


class UnknownSchema(Undecodable):
    """The bytes were written with a schema that is not known here, or not yet."""

    def __init__(self, fingerprint: str) -> None:
        super().__init__(f"nobody has published the writer schema {fingerprint}")
        self.fingerprint = fingerprint


class NotASchema(ValueError):
    """What was given as an Avro schema is none."""


def fingerprint(schema: Schema) -> bytes:
    """Give the CRC-64-AVRO of the schema's canonical form: 8 bytes, little-endian. Raises `NotASchema`.

    The canonical form drops defaults, docs and logical types, so versions that differ only there look the same;
    `schemas.compatibility` refuses to publish such a pair.
    """
    try:
        return bytes.fromhex(_fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))
    except Exception as error:  # fastavro raises many kinds on what is no schema
        raise NotASchema(_words(error)) from error


class Codec:
    """Writes each event with its newest schema and reads whatever schema it was written with."""

    def __init__(self, published: tuple[Version, ...]) -> None:
        newest = latest(published)
        self._newest: dict[str, Any] = {event: fastavro.parse_schema(newest[event].schema) for event in newest}
        self._writers = {
            EVENTS[event]: (MARKER + fingerprint(version.schema), self._newest[event])
            for event, version in newest.items()
        }
        self._readers: dict[bytes, tuple[Any, Any, type[Event]]] = {}
        for version in published:
            self.learn(version.schema)

    def learn(self, schema: Schema) -> None:
        """Take note of a writer schema, ours or one that another writer published. Safe from any thread.

        A schema of an event that is unknown here is passed over, and the first of two with one fingerprint stays.
        Raises `NotASchema`.
        """
        mark = MARKER + fingerprint(schema)
        event = schema.get("name", "").rpartition(".")[2] if isinstance(schema, dict) else ""
        if event not in self._newest or mark in self._readers:
            return
        same = mark == self._writers[EVENTS[event]][0]
        self._readers[mark] = (fastavro.parse_schema(schema), None if same else self._newest[event], EVENTS[event])

    def encode(self, record: Event) -> bytes:
        """Write one record. Raises ValueError when a field does not fit its schema."""
        prefix, schema = self._writers[type(record)]
        out = BytesIO()
        out.write(prefix)
        try:
            # Without this a nullable array of two is taken for (branch of the union, value).
            _write(out, schema, to_builtins(record, builtin_types=_PLAIN), disable_tuple_notation=True)
        except Exception as error:  # fastavro raises many kinds on values that do not fit
            raise ValueError(f"not a {PREFIX}{record.EVENT}: {_words(error)}") from error
        return out.getvalue()

    def decode(self, data: bytes | None) -> Event:
        """Read one record. Raises `UnknownSchema` or `Undecodable`, nothing else, whatever the bytes."""
        if not data:
            raise Undecodable("no value: a tombstone or an empty record")
        stream = BytesIO(data)
        reader = self._readers.get(stream.read(HEADER))
        if reader is None:
            raise _stranger(data)
        writer, schema, record = reader
        try:
            found = convert(_read(stream, writer, schema), record)
        except Exception as error:  # fastavro raises many kinds on bytes that do not fit their schema
            raise Undecodable(f"not a {PREFIX}{record.EVENT}: {_words(error)}") from error
        rest = stream.read()
        if rest:
            raise Undecodable(f"{len(rest)} bytes too many behind a {PREFIX}{record.EVENT}")
        return found


def load() -> Codec:
    """Build the codec from the published schemas of this installation."""
    return Codec(versions())


def _stranger(data: bytes) -> Undecodable:
    if data[:2] == MARKER and len(data) >= HEADER:
        return UnknownSchema(data[2:HEADER].hex())
    if data[:1] == b"\x00":
        return Undecodable("Confluent wire format, and no schema registry is configured")
    return Undecodable(f"neither Avro single-object encoding nor Confluent wire format: {data[:4].hex(' ')} ...")


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
