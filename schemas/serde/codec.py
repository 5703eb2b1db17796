"""Encode records to Avro and decode them, in either of two framings. The only module that imports fastavro.

Source: Apache Avro 1.12 specification, "Single-object encoding": C3 01, the schema's 8-byte fingerprint, the datum.
With a schema registry, Confluent's "Wire format": 00, the schema's id in the registry as 4 bytes, the datum.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from io import BytesIO
from typing import Any

import fastavro
from fastavro.schema import fingerprint as _fingerprint
from fastavro.schema import to_parsing_canonical_form
from msgspec import convert, to_builtins

from headrace.schemas import topics
from headrace.schemas.cloudevents import PREFIX, EventMetadata, to_headers
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.records import EVENTS, Event
from headrace.schemas.serde.catalog import Schema, SchemaLookup, SchemaVersion, latest, versions
from headrace.schemas.serde.limited_stream import stream_of
from headrace.schemas.serde.writer_schema import InvalidSchemaError, checked_schema, event_name

MARKER = b"\xc3\x01"
HEADER = 10
MAGIC = b"\x00"
ID_HEADER = 5
MAX_SCHEMAS_PER_EVENT = 500
LONGEST_REASON = 500

_PLAIN = (datetime, bytes)
"""Types that fastavro encodes itself; msgspec would turn them into text."""

_write = fastavro.schemaless_writer
_read = fastavro.schemaless_reader


class DecodeError(ValueError):
    """The bytes are not a Headrace record."""


class UnknownSchemaError(DecodeError):
    """The writer schema of the bytes is unknown, or not loaded yet."""

    def __init__(self, fingerprint: str = "", schema_id: int | None = None, why: str = "") -> None:
        by_id = f"schema {schema_id} of the schema registry is unknown"
        super().__init__(why or (f"the writer schema {fingerprint} is not published" if fingerprint else by_id))
        self.fingerprint = fingerprint
        self.schema_id = schema_id


class RegistryUnavailableError(RuntimeError):
    """The schema registry is unavailable; the text names the setting to check."""


class SchemaNotRegisteredError(RuntimeError):
    """The schema registry lacks schemas that this process writes with."""


def fingerprint(schema: Schema) -> bytes:
    """Return the CRC-64-AVRO of the schema's canonical form: 8 bytes, little-endian.

    The canonical form drops defaults, docs and logical types. Versions that differ only there have one fingerprint;
    `schemas.evolution.compatibility` rejects such a pair.

    Raises:
        InvalidSchemaError: The value is not an Avro schema.
    """
    try:
        return bytes.fromhex(_fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))
    except Exception as error:  # fastavro raises many types for an invalid schema
        raise InvalidSchemaError(_words(error)) from error


class Codec:
    """Encodes each event with its newest schema; decodes events of any known writer schema."""

    def __init__(self, published: tuple[SchemaVersion, ...], registry: SchemaLookup | None = None) -> None:
        newest = latest(published)
        self._published, self._registry, self._ids_loaded = published, registry, registry is None
        self._newest: dict[str, Any] = {event: fastavro.parse_schema(newest[event].schema) for event in newest}
        self._writers = {
            EVENTS[event]: (MARKER + fingerprint(version.schema), self._newest[event])
            for event, version in newest.items()
        }
        self._readers: dict[bytes, tuple[Any, Any, type[Event]]] = {}
        for version in published:
            self.add_writer_schema(version.schema)

    def add_writer_schema(self, schema: Schema) -> None:
        """Add a writer schema. Thread-safe.

        A schema of an unknown event is ignored. Of two schemas with one fingerprint, the first stays.

        Raises:
            InvalidSchemaError: The value is not an Avro schema, is not safe to decode with, or is one too many.
        """
        checked = checked_schema(schema)
        mark, event = MARKER + fingerprint(checked), event_name(checked)
        if event not in self._newest or mark in self._readers:
            return
        record = EVENTS[event]
        if sum(each is record for _, _, each in self._readers.values()) >= MAX_SCHEMAS_PER_EVENT:
            raise InvalidSchemaError(f"{event} has at most {MAX_SCHEMAS_PER_EVENT} schemas")
        same = mark == self._writers[record][0]
        self._readers[mark] = (_parsed(checked), None if same else self._newest[event], record)

    def load_schema_ids(self) -> None:
        """Load the registry's ids of the schemas, so that records are written in the Confluent wire format.

        A writer must call it before its first record. It does nothing without a registry. Blocks.

        Raises:
            RegistryUnavailableError: The registry does not respond.
            SchemaNotRegisteredError: The newest version of an event is not registered.
        """
        if self._registry is None or self._ids_loaded:
            return
        ids, newest = self._registry.ids(self._published), latest(self._published)
        missing = [version.label for version in newest.values() if version.label not in ids]
        if missing:
            raise SchemaNotRegisteredError(
                f'the schema registry lacks {", ".join(missing)}. Run "headrace schemas register".'
            )
        for version in self._published:
            if version.label in ids:
                self._add_id(ids[version.label], version.schema)
        for event, version in newest.items():
            self._writers[EVENTS[event]] = (_prefix(ids[version.label]), self._newest[event])
        self._ids_loaded = True

    def fetch_schema(self, unknown: UnknownSchemaError) -> None:
        """Load the schema of a decode error from the registry. Blocks.

        Raises:
            UnknownSchemaError: The registry lacks the schema, or has no Avro schema under its id.
            RegistryUnavailableError: The registry does not respond.
        """
        if unknown.schema_id is None or self._registry is None:
            raise unknown
        try:
            schema = self._registry.schema(unknown.schema_id)
            known = schema is not None and self._add_id(unknown.schema_id, schema)
        except InvalidSchemaError as error:
            why = f"schema {unknown.schema_id} of the schema registry is not an Avro schema: {error}"
            raise UnknownSchemaError(schema_id=unknown.schema_id, why=why) from error
        if not known:
            raise unknown

    def _add_id(self, schema_id: int, schema: Schema) -> bool:
        """Add a schema under its id; return False if its event is unknown."""
        self.add_writer_schema(schema)
        reader = self._readers.get(MARKER + fingerprint(schema))
        if reader is not None:
            self._readers[_prefix(schema_id)] = reader
        return reader is not None

    def encode(self, record: Event) -> bytes:
        """Encode a record. Raises ValueError if a field does not match the schema."""
        prefix, schema = self._writers[type(record)]
        out = BytesIO()
        out.write(prefix)
        try:
            # Without this option, fastavro reads a nullable array of two items as (union branch, value).
            _write(out, schema, to_builtins(record, builtin_types=_PLAIN), disable_tuple_notation=True)
        except Exception as error:  # fastavro raises many types for invalid values
            raise ValueError(f"not a {PREFIX}{record.EVENT}: {_words(error)}") from error
        return out.getvalue()

    def decode_or_fetch(self, data: bytes | None) -> Event:
        """Decode a record; fetch an unknown schema from the registry. Blocks.

        Raises:
            DecodeError: As `decode` does.
            RegistryUnavailableError: The registry does not respond.
        """
        try:
            return self.decode(data)
        except UnknownSchemaError as unknown:
            self.fetch_schema(unknown)
        return self.decode(data)

    async def decode_async(self, data: bytes | None) -> Event:
        """Decode as `decode_or_fetch` does, with the registry call in a thread."""
        try:
            return self.decode(data)
        except UnknownSchemaError as unknown:
            await asyncio.to_thread(self.fetch_schema, unknown)
        return self.decode(data)

    def decode(self, data: bytes | None) -> Event:
        """Decode a record. Raises `DecodeError`, of which `UnknownSchemaError` is a kind, and nothing else."""
        if not data:
            raise DecodeError("no value: a tombstone or an empty record")
        stream = stream_of(data)
        reader = self._readers.get(stream.read(HEADER))
        if reader is None:
            reader = self._readers.get(data[:ID_HEADER])
            if reader is None:
                raise self._unknown_framing(data)
            stream.seek(ID_HEADER)
        writer, schema, record = reader
        try:
            event = convert(_read(stream, writer, schema), record)
        except Exception as error:  # fastavro raises many types for invalid bytes
            raise DecodeError(f"not a {PREFIX}{record.EVENT}: {_words(error)}") from error
        trailing = stream.read()
        if trailing:
            raise DecodeError(f"{len(trailing)} trailing bytes after a {PREFIX}{record.EVENT}")
        return event

    def _unknown_framing(self, data: bytes) -> DecodeError:
        if data[:2] == MARKER and len(data) >= HEADER:
            return UnknownSchemaError(data[2:HEADER].hex())
        if data[:1] == MAGIC and self._registry is None:
            return DecodeError("Confluent wire format without a schema registry: set HEADRACE_SCHEMA_REGISTRY")
        if data[:1] == MAGIC and len(data) >= ID_HEADER:
            return UnknownSchemaError(schema_id=int.from_bytes(data[1:ID_HEADER], "big"))
        return DecodeError(f"neither Avro single-object encoding nor Confluent wire format: {data[:4].hex(' ')} ...")


def load() -> Codec:
    """Return a codec with the published schemas and without a registry."""
    return Codec(versions())


def _parsed(schema: Schema) -> Any:
    try:
        return fastavro.parse_schema(schema)
    except Exception as error:  # fastavro raises many types for an invalid schema
        raise InvalidSchemaError(_words(error)) from error


def _prefix(schema_id: int) -> bytes:
    return MAGIC + schema_id.to_bytes(4, "big")


def _words(error: Exception) -> str:
    return str(error)[:LONGEST_REASON] or type(error).__name__


def to_producer_record(event: Event, envelope: EventMetadata, codec: Codec) -> ProducerRecord:
    """Encode an event as a record, with its topic, key and headers."""
    return ProducerRecord(topics.topic_of(event).name, topics.key_of(event), codec.encode(event), to_headers(envelope))
