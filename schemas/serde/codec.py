"""Records to bytes and back, in either of two framings. The only module that knows fastavro.

Source: Apache Avro 1.12 specification, "Single-object encoding": C3 01, the schema's 8-byte fingerprint, the datum.
With a schema registry, Confluent's "Wire format": 00, the schema's id in the registry as 4 bytes, the datum.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from typing import Any, Protocol

import fastavro
from fastavro.schema import fingerprint as _fingerprint
from fastavro.schema import to_parsing_canonical_form
from msgspec import convert, to_builtins

from headrace.schemas import topics
from headrace.schemas.cloudevents import PREFIX, EventMetadata, to_headers
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.records import EVENTS, Event
from headrace.schemas.serde.catalog import Schema, SchemaVersion, latest, versions

MARKER = b"\xc3\x01"
HEADER = 10
MAGIC = b"\x00"
ID_HEADER = 5

_PLAIN = (datetime, bytes)
"""What fastavro takes as it is; msgspec would make text of it."""

_write = fastavro.schemaless_writer
_read = fastavro.schemaless_reader


class DecodeError(ValueError):
    """The bytes are no record of ours, and never will be."""


class UnknownSchemaError(DecodeError):
    """The bytes were written with a schema that is not known here, or not yet."""

    def __init__(self, fingerprint: str = "", schema_id: int | None = None, why: str = "") -> None:
        by_id = f"nothing is known here of schema {schema_id} of the schema registry"
        super().__init__(why or (by_id if not fingerprint else f"nobody has published the writer schema {fingerprint}"))
        self.fingerprint = fingerprint
        self.schema_id = schema_id


class RegistryUnavailableError(RuntimeError):
    """The schema registry cannot be asked now: no fault of any record. The text says what to look at."""


class SchemaNotRegisteredError(RuntimeError):
    """The schema registry lacks schemas that are to be written with."""


class InvalidSchemaError(ValueError):
    """What was given as an Avro schema is none."""


def fingerprint(schema: Schema) -> bytes:
    """Give the CRC-64-AVRO of the schema's canonical form: 8 bytes, little-endian. Raises `NotASchema`.

    The canonical form drops defaults, docs and logical types, so versions that differ only there look the same;
    `schemas.evolution.compatibility` refuses to publish such a pair.
    """
    try:
        return bytes.fromhex(_fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))
    except Exception as error:  # fastavro raises many kinds on what is no schema
        raise InvalidSchemaError(_words(error)) from error


class SchemaLookup(Protocol):
    """What a codec asks a schema registry for. Both block, and raise `RegistryDown`."""

    def schema(self, schema_id: int) -> Schema | None:
        """Give a schema; None where the registry has none of this id."""

    def ids(self, published: tuple[SchemaVersion, ...]) -> Mapping[str, int]:
        """Give the ids of those that are registered, by `Version.name`."""


class Codec:
    """Writes each event with its newest schema and reads whatever schema it was written with."""

    def __init__(self, published: tuple[SchemaVersion, ...], registry: SchemaLookup | None = None) -> None:
        newest = latest(published)
        self._published, self._registry, self._enrolled = published, registry, registry is None
        self._newest: dict[str, Any] = {event: fastavro.parse_schema(newest[event].schema) for event in newest}
        self._writers = {
            EVENTS[event]: (MARKER + fingerprint(version.schema), self._newest[event])
            for event, version in newest.items()
        }
        self._readers: dict[bytes, tuple[Any, Any, type[Event]]] = {}
        for version in published:
            self.add_writer_schema(version.schema)

    def add_writer_schema(self, schema: Schema) -> None:
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

    def load_schema_ids(self) -> None:
        """Write with the ids that the registry has for our schemas from now on; without a registry all stays as it is.

        Whoever writes must call it before its first record. Blocks. Raises `RegistryDown`, or `NotRegistered` when the
        newest version of an event is not there.
        """
        if self._registry is None or self._enrolled:
            return
        ids, newest = self._registry.ids(self._published), latest(self._published)
        missing = [version.label for version in newest.values() if version.label not in ids]
        if missing:
            raise SchemaNotRegisteredError(
                f"the schema registry lacks {', '.join(missing)} (headrace schemas register)"
            )
        for version in self._published:
            if version.label in ids:
                self._name(ids[version.label], version.schema)
        for event, version in newest.items():
            self._writers[EVENTS[event]] = (_prefix(ids[version.label]), self._newest[event])
        self._enrolled = True

    def fetch_schema(self, stranger: UnknownSchemaError) -> None:
        """Learn a schema from the registry. Blocks. Raises the stranger where that does not help, or `RegistryDown`."""
        if stranger.schema_id is None or self._registry is None:
            raise stranger
        schema = self._registry.schema(stranger.schema_id)
        try:
            known = schema is not None and self._name(stranger.schema_id, schema)
        except InvalidSchemaError as error:
            why = f"what the schema registry has under {stranger.schema_id} is no Avro schema: {error}"
            raise UnknownSchemaError(schema_id=stranger.schema_id, why=why) from error
        if not known:
            raise stranger

    def _name(self, schema_id: int, schema: Schema) -> bool:
        """Take note of a schema by its id; false when it is of an event that is unknown here."""
        self.add_writer_schema(schema)
        reader = self._readers.get(MARKER + fingerprint(schema))
        if reader is not None:
            self._readers[_prefix(schema_id)] = reader
        return reader is not None

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

    def decode_or_fetch(self, data: bytes | None) -> Event:
        """Read one record, and ask the registry for a schema that is not known here. Blocks.

        Raises `RegistryDown` besides what `decode` raises.
        """
        try:
            return self.decode(data)
        except UnknownSchemaError as stranger:
            self.fetch_schema(stranger)
        return self.decode(data)

    async def decode_async(self, data: bytes | None) -> Event:
        """Do as `read` does, and leave the asking to a thread."""
        try:
            return self.decode(data)
        except UnknownSchemaError as stranger:
            await asyncio.to_thread(self.fetch_schema, stranger)
        return self.decode(data)

    def decode(self, data: bytes | None) -> Event:
        """Read one record. Raises `UnknownSchema` or `Undecodable`, nothing else, whatever the bytes."""
        if not data:
            raise DecodeError("no value: a tombstone or an empty record")
        stream = BytesIO(data)
        reader = self._readers.get(stream.read(HEADER))
        if reader is None:
            reader = self._readers.get(data[:ID_HEADER])
            if reader is None:
                raise self._unknown_framing(data)
            stream.seek(ID_HEADER)
        writer, schema, record = reader
        try:
            found = convert(_read(stream, writer, schema), record)
        except Exception as error:  # fastavro raises many kinds on bytes that do not fit their schema
            raise DecodeError(f"not a {PREFIX}{record.EVENT}: {_words(error)}") from error
        rest = stream.read()
        if rest:
            raise DecodeError(f"{len(rest)} bytes too many behind a {PREFIX}{record.EVENT}")
        return found

    def _unknown_framing(self, data: bytes) -> DecodeError:
        if data[:2] == MARKER and len(data) >= HEADER:
            return UnknownSchemaError(data[2:HEADER].hex())
        if data[:1] == MAGIC and self._registry is None:
            return DecodeError("Confluent wire format, and no schema registry is configured: HEADRACE_SCHEMA_REGISTRY")
        if data[:1] == MAGIC and len(data) >= ID_HEADER:
            return UnknownSchemaError(schema_id=int.from_bytes(data[1:ID_HEADER], "big"))
        return DecodeError(f"neither Avro single-object encoding nor Confluent wire format: {data[:4].hex(' ')} ...")


def load() -> Codec:
    """Build the codec from the published schemas of this installation; `schemas.serde.registry` gives one that asks."""
    return Codec(versions())


def _prefix(schema_id: int) -> bytes:
    return MAGIC + schema_id.to_bytes(4, "big")


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def to_producer_record(event: Event, envelope: EventMetadata, codec: Codec) -> ProducerRecord:
    """Address an event: its topic and key follow from what it is."""
    return ProducerRecord(topics.topic_of(event).name, topics.key_of(event), codec.encode(event), to_headers(envelope))
