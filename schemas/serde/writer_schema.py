"""Check the Avro schemas of writers. They come from the log or a registry, so they are untrusted input.

A checked schema is finite, and decoding with it takes time in proportion to the bytes of the record: no type contains
itself, every array item occupies bytes, and no byte of a record stands for many values.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from headrace.schemas.serde.catalog import Schema

MAX_TEXT_BYTES = 65_536
MAX_DEPTH = 32
MAX_TYPES = 4_000
"""Types of a schema with each reference replaced by its definition."""
MAX_TYPES_PER_BYTE = 8
"""Types of an array item or a map value, by the bytes that it occupies at least."""
MAX_FIXED_BYTES = 65_536

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,199}")
_WIDTHS = {"null": 0, "boolean": 1, "int": 1, "long": 1, "float": 4, "double": 8, "bytes": 1, "string": 1}
"""Primitive types, and the bytes that a value occupies at least."""
_KINDS = {*_WIDTHS, "array", "map", "record", "enum", "fixed", "union", "error"}
_LOGICAL = ("timestamp-millis", "timestamp-micros")


class InvalidSchemaError(ValueError):
    """The value is not an Avro schema, or not one that is safe to decode with."""


def parse_schema(text: bytes) -> Any:
    """Parse the JSON text of a schema. Raises `InvalidSchemaError`."""
    if len(text) > MAX_TEXT_BYTES:
        raise InvalidSchemaError(f"{len(text)} bytes; a schema has at most {MAX_TEXT_BYTES}")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidSchemaError(f"not JSON: {error}") from error


def checked_schema(schema: object) -> Any:
    """Return a schema with only the attributes that decoding needs. Raises `InvalidSchemaError`."""
    return _Checker().checked(schema, "", 0)[0]


def event_name(schema: Schema) -> str:
    """Return the name of a record schema without its namespace; empty for another type."""
    name: str = schema.get("name", "") if isinstance(schema, dict) else ""
    return name.rpartition(".")[2]


class _Size(NamedTuple):
    """The bytes that a value occupies at least, and the types that it consists of."""

    width: int
    types: int


_Checked = tuple[Any, _Size]


class _Checker:
    """Checks one schema. `_known` holds the sizes of its named types; None while a type is being defined."""

    def __init__(self) -> None:
        self._known: dict[str, _Size | None] = {}

    def checked(self, schema: object, namespace: str, depth: int) -> _Checked:
        if depth > MAX_DEPTH:
            raise InvalidSchemaError(f"more than {MAX_DEPTH} nested types")
        if isinstance(schema, str):
            return self._reference(schema, namespace)
        if isinstance(schema, list):
            return self._union(schema, namespace, depth)
        if not isinstance(schema, dict):
            raise InvalidSchemaError(f"not a type: {_cut(schema)}")
        match schema.get("type"):
            case "array":
                items, size = self.checked(schema.get("items"), namespace, depth + 1)
                return {"type": "array", "items": items}, _collection(size.width, size)
            case "map":
                values, size = self.checked(schema.get("values"), namespace, depth + 1)
                return {"type": "map", "values": values}, _collection(size.width + 1, size)
            case "record" | "enum" | "fixed" as kind:
                return self._named(kind, schema, namespace, depth)
            case inner:
                checked, size = self.checked(inner, namespace, depth + 1)
                return _with_logical_type(checked, schema), size

    def _reference(self, name: str, namespace: str) -> _Checked:
        if name in _WIDTHS:
            return name, _Size(_WIDTHS[name], 1)
        full_name = _full_name(name, namespace)
        if full_name not in self._known:
            raise InvalidSchemaError(f"unknown type {_cut(name)}")
        size = self._known[full_name]
        if size is None:
            raise InvalidSchemaError(f"{full_name} contains itself")
        return full_name, size

    def _union(self, branches: list[object], namespace: str, depth: int) -> _Checked:
        if any(isinstance(branch, list) for branch in branches):
            raise InvalidSchemaError("a union in a union")
        checked = [self.checked(branch, namespace, depth + 1) for branch in branches]
        sizes = [size for _, size in checked]
        width = 1 + min((size.width for size in sizes), default=0)
        return [branch for branch, _ in checked], _Size(width, _limited(1 + sum(size.types for size in sizes)))

    def _named(self, kind: str, schema: Schema, namespace: str, depth: int) -> _Checked:
        full_name = _defined_name(schema.get("name"), schema.get("namespace", namespace))
        if full_name in self._known or full_name in _KINDS:
            raise InvalidSchemaError(f"{full_name} is defined twice")
        self._known[full_name] = None
        named: Schema = {"type": kind, "name": full_name}
        match kind:
            case "record":
                fields, size = self._fields(schema.get("fields"), full_name.rpartition(".")[0], depth)
                named["fields"] = fields
            case "enum":
                named["symbols"], size = _symbols(schema.get("symbols")), _Size(1, 1)
            case _:
                named["size"] = bytes_ = _fixed_size(schema.get("size"))
                size = _Size(bytes_, 1)
        self._known[full_name] = size
        return named, size

    def _fields(self, fields: object, namespace: str, depth: int) -> tuple[list[Schema], _Size]:
        if not isinstance(fields, list) or not all(
            isinstance(each, dict) and _is_name(each.get("name")) for each in fields
        ):
            raise InvalidSchemaError("the fields of a record are a list of named types")
        if len({each["name"] for each in fields}) < len(fields):
            raise InvalidSchemaError("two fields have the same name")
        checked, width, types = [], 0, 1
        for each in fields:
            type_, size = self.checked(each.get("type"), namespace, depth + 1)
            checked.append({"name": each["name"], "type": type_})
            width, types = width + size.width, _limited(types + size.types)
        return checked, _Size(width, types)


def _collection(width: int, item: _Size) -> _Size:
    """Return the size of an array or a map. Its items are paid for by their bytes, so it counts as one type."""
    if item.types > width * MAX_TYPES_PER_BYTE:
        raise InvalidSchemaError(f"items of {item.types} types that may occupy {width} bytes")
    return _Size(1, 1)


def _limited(types: int) -> int:
    if types > MAX_TYPES:
        raise InvalidSchemaError(f"more than {MAX_TYPES} types")
    return types


def _symbols(symbols: object) -> list[str]:
    if not isinstance(symbols, list) or not symbols or not all(map(_is_name, symbols)):
        raise InvalidSchemaError("the symbols of an enum are a list of names")
    return symbols


def _fixed_size(size: object) -> int:
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MAX_FIXED_BYTES:
        raise InvalidSchemaError(f"the size of a fixed type is a number from 0 to {MAX_FIXED_BYTES}")
    return size


def _with_logical_type(type_: Any, schema: Schema) -> Any:
    """Keep a logical type that records use. Others, as `decimal`, have parameters that cost time."""
    logical = schema.get("logicalType")
    return {"type": type_, "logicalType": logical} if type_ == "long" and logical in _LOGICAL else type_


def _is_name(name: object) -> bool:
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def _defined_name(name: object, namespace: object) -> str:
    if not isinstance(name, str) or not isinstance(namespace, str):
        raise InvalidSchemaError("a name and a namespace are texts")
    if not _is_name(name) or not (namespace == "" or _is_name(namespace)):
        raise InvalidSchemaError(f"not a name: {_cut(name)} in {_cut(namespace)}")
    return _full_name(name, namespace)


def _full_name(name: str, namespace: str) -> str:
    return name if "." in name or not namespace else f"{namespace}.{name}"


def _cut(value: object) -> str:
    return ascii(value)[:60] if isinstance(value, str | int | float | None) else type(value).__name__
