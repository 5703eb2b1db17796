"""Compile a function that reads selected fields of the records of one published schema, and skips the others.

See `reader_source`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from msgspec import to_builtins

from headrace.schemas.serde.catalog import Schema
from headrace.schemas.serde.reader_source import Selection, ValueForm, compile_source

ReadFields = Callable[[bytes, int], tuple[dict[str, Any], int]]
"""Read a record from an offset on; return its fields, and the offset behind it, which may lie behind the end.

Values are in their JSON form, as `msgspec.to_builtins` returns them. Raises an error of `INVALID`.
"""

INVALID = (ValueError, IndexError, OverflowError, struct.error)


def compile_reader(schema: Schema, selection: Selection) -> ReadFields:
    """Compile a schema with full names.

    Raises:
        ValueError: the schema has a type that no event uses.
    """
    return compile_source(schema, selection, _JSON)


def _members(_schema: Schema, values: dict[str, str]) -> str:
    return f"{{{', '.join(f'{name!r}: {value}' for name, value in values.items())}}}"


_JSON = ValueForm(_members, data="json({})", array="{}", time="json({})", names={"json": to_builtins})
