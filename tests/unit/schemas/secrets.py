"""Example schemas, so that no published schema has to be invalid."""

from __future__ import annotations

from typing import Any

from headrace.schemas.serde.catalog import Schema, SchemaVersion

NULLABLE = ["null", "string"]
MOMENT = {"type": "long", "logicalType": "timestamp-millis"}


def field(name: str, type_: Any = "string", **more: Any) -> dict[str, Any]:
    """One documented field."""
    return {"name": name, "type": type_, "doc": "A field.", **more}


def record(name: str, *fields: dict[str, Any], **more: Any) -> Schema:
    """One documented record in Headrace's namespace."""
    return {"type": "record", "name": name, "namespace": "headrace", "doc": "A record.", "fields": [*fields], **more}


def enum(name: str, *symbols: str, **more: Any) -> Schema:
    """One documented enum; give it a `default`."""
    return {"type": "enum", "name": name, "namespace": "headrace", "doc": "An enum.", "symbols": [*symbols], **more}


def versions(*schemas: Schema) -> tuple[SchemaVersion, ...]:
    """The versions of one event, numbered from 1."""
    return tuple(SchemaVersion(schema["name"], number, schema) for number, schema in enumerate(schemas, 1))
