"""Encode records to Avro and decode them, in either of two framings.

Source: Apache Avro 1.12 specification, "Single-object encoding": C3 01, the schema's 8-byte fingerprint, the datum.
With a schema registry, Confluent's "Wire format": 00, the schema's id in the registry as 4 bytes, the datum.
"""

from __future__ import annotations

import asyncio
from typing import Any

from msgspec import convert

from headrace.schemas import topics
from headrace.schemas.cloudevents import PREFIX, EventMetadata, to_headers
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.records import EVENTS, Event
from headrace.schemas.serde.catalog import Schema, SchemaLookup, SchemaVersion, latest, versions
from headrace.schemas.serde.generic_avro import error_text, fingerprint, mismatch, parsed, read_resolved
from headrace.schemas.serde.limited_stream import MAX_READS
from headrace.schemas.serde.record_reader import Read, compile_reader
from headrace.schemas.serde.record_writer import Write, compile_writer
from headrace.schemas.serde.writer_schema import InvalidSchemaError, checked_schema, event_name

MARKER = b"\xc3\x01"
HEADER = 10
MAGIC = b"\x00"
ID_HEADER = 5
MAX_SCHEMAS_PER_EVENT = 500


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


class _Reader:
    """Reads the records of one writer schema. `read` is for records that are too short to have many values."""

    __slots__ = ("_schema", "_writer", "read", "record")

    def __init__(self, record: type[Event], writer: Any, schema: Any) -> None:
        self.record = record
        self._writer, self._schema = writer, schema
        self.read: Read = self.resolve if schema else self._read_first

    def resolve(self, data: bytes, at: int) -> tuple[Event, int]:
        """Read a record with fastavro. Resolves differences of the schemas, and bounds the number of values."""
        datum, end = read_resolved(data, at, self._writer, self._schema)
        return convert(datum, self.record), end

    def _read_first(self, data: bytes, at: int) -> tuple[Event, int]:
        """Compile the reader with the first record: a process reads a few of the events."""
        self.read = compile_reader(self._writer, self.record)
        return self.read(data, at)


class Codec:
    """Encodes each event with its newest schema; decodes events of any known writer schema."""

    def __init__(self, published: tuple[SchemaVersion, ...], registry: SchemaLookup | None = None) -> None:
        newest = latest(published)
        self._published, self._registry, self._ids_loaded = published, registry, registry is None
        self._newest: dict[str, Any] = {event: parsed(newest[event].schema) for event in newest}
        self._newest_marks = {event: MARKER + fingerprint(version.schema) for event, version in newest.items()}
        self._prefixes = {EVENTS[event]: mark for event, mark in self._newest_marks.items()}
        self._compiled: dict[type[Event], Write] = {}
        self._readers: dict[bytes, _Reader] = {}
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
        if sum(each.record is record for each in self._readers.values()) >= MAX_SCHEMAS_PER_EVENT:
            raise InvalidSchemaError(f"{event} has at most {MAX_SCHEMAS_PER_EVENT} schemas")
        newest = self._newest[event]
        if mark == self._newest_marks[event]:
            self._readers[mark] = _Reader(record, newest, None)
        else:
            self._readers[mark] = _Reader(record, parsed(checked), newest)

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
            self._prefixes[EVENTS[event]] = _prefix(ids[version.label])
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
        kind = type(record)
        parts = [self._prefixes[kind]]
        try:
            write = self._compiled.get(kind) or self._compile_writer(kind)
            write(record, parts.append)
            return b"".join(parts)
        except Exception as error:  # compiled code raises many types for invalid values
            why = mismatch(record, self._newest[record.EVENT]) or error_text(error)
            raise ValueError(f"not a {PREFIX}{record.EVENT}: {why}") from error

    def _compile_writer(self, kind: type[Event]) -> Write:
        """Compile the writer with the first record: a process writes a few of the events."""
        write = self._compiled[kind] = compile_writer(self._newest[kind.EVENT], kind)
        return write

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
        reader, at = self._readers.get(data[:HEADER]), HEADER
        if reader is None:
            reader, at = self._readers.get(data[:ID_HEADER]), ID_HEADER
            if reader is None:
                raise self._unknown_framing(data)
        size = len(data)
        try:
            event, end = (reader.read if size <= MAX_READS else reader.resolve)(data, at)
        except Exception as error:  # fastavro and compiled code raise many types for invalid bytes
            why = "the bytes end too early" if isinstance(error, IndexError) else error_text(error)
            raise DecodeError(f"not a {PREFIX}{reader.record.EVENT}: {why}") from error
        if end != size:
            what = f"{size - end} trailing bytes after" if end < size else "the bytes end too early for"
            raise DecodeError(f"{what} a {PREFIX}{reader.record.EVENT}")
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


def _prefix(schema_id: int) -> bytes:
    return MAGIC + schema_id.to_bytes(4, "big")


def to_producer_record(event: Event, envelope: EventMetadata, codec: Codec) -> ProducerRecord:
    """Encode an event as a record, with its topic, key and headers."""
    return ProducerRecord(topics.topic_of(event).name, topics.key_of(event), codec.encode(event), to_headers(envelope))
