"""Compile a function that reads the records of one published schema, without a dictionary in between.

`msgspec.convert` would copy fastavro's dictionary. See `reader_source`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headrace.schemas import records
from headrace.schemas.serde.catalog import Schema
from headrace.schemas.serde.reader_source import ValueForm, compile_source

Read = Callable[[bytes, int], tuple[Any, int]]
"""Read a record from an offset on; return it and the offset behind it, which may lie behind the end of the bytes."""


def compile_reader(schema: Schema, record: type[Any]) -> Read:
    """Compile a schema with full names. The function raises many types of errors for invalid bytes.

    Raises:
        ValueError: the schema has a type that no event uses.
    """
    names: dict[str, Any] = {}

    def build(inner: Schema, values: dict[str, str]) -> str:
        type_ = record if inner is schema else getattr(records, inner["name"].rpartition(".")[2])
        names[type_.__name__] = type_
        known = ", ".join(f"{name}={value}" for name, value in values.items() if name in type_.__struct_fields__)
        return f"{type_.__name__}({known})"

    return compile_source(schema, None, ValueForm(build, data="{}", array="tuple({})", time="{}", names=names))
