"""Parse schemas, and read and check values of any schema, with fastavro. The only module that imports it."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import Any

import fastavro
from fastavro.schema import fingerprint as _fingerprint
from fastavro.schema import to_parsing_canonical_form
from msgspec import Struct, to_builtins

from headrace.schemas.serde.catalog import Schema
from headrace.schemas.serde.limited_stream import stream_of
from headrace.schemas.serde.writer_schema import InvalidSchemaError

LONGEST_REASON = 500

_PLAIN = (datetime, bytes)
"""Types that fastavro encodes itself; msgspec would turn them into text."""


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
        raise InvalidSchemaError(error_text(error)) from error


def parsed(schema: Schema) -> Any:
    """Return a schema with full names. Raises `InvalidSchemaError`."""
    try:
        return fastavro.parse_schema(schema)
    except Exception as error:  # fastavro raises many types for an invalid schema
        raise InvalidSchemaError(error_text(error)) from error


def read_resolved(data: bytes, at: int, writer: Any, schema: Any) -> tuple[Any, int]:
    """Read a datum from an offset on; return it and the offset behind it. Bounds the number of values.

    `schema` differs from the schema of the writer; None if it does not. Raises many types of errors for invalid bytes.
    """
    stream = stream_of(data)
    stream.seek(at)
    return fastavro.schemaless_reader(stream, writer, schema), stream.tell()


def mismatch(record: Struct, schema: Any) -> str:
    """Return why a record does not match a schema; empty if it does."""
    try:
        # Without this option, fastavro reads a nullable array of two items as (union branch, value).
        values = to_builtins(record, builtin_types=_PLAIN)
        fastavro.schemaless_writer(BytesIO(), schema, values, disable_tuple_notation=True)
    except Exception as error:  # fastavro raises many types for invalid values
        return error_text(error)
    return ""


def error_text(error: Exception) -> str:
    """Return the text of an error with a limited length; the name of its type if it has none."""
    return str(error)[:LONGEST_REASON] or type(error).__name__
