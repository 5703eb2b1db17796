"""Generate Python functions that read selected fields from the datum of an Avro schema, and skip the others.

The source for a record of `key`, a string, and `size`, a long that is not selected:

    def read(data, i):
        n = data[i]
        if n < 128: i += 1
        else: n, i = varint(data, i)
        if n & 1: raise ValueError
        v1 = data[i:i + (n >> 1)].decode()
        i += n >> 1
        while data[i] > 127: i += 1
        i += 1
        if i != len(data): raise ValueError
        return {'key': v1}

`record_reader` compiles the readers of whole records. Skipped text is not decoded here, so that a function accepts
invalid UTF-8 in it. Every other invalid datum is an error.
Source: Apache Avro 1.12 specification, "Binary Encoding".
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import count
from typing import Any

from msgspec import to_builtins

from headrace.schemas.serde.record_reader import EPOCH, read_varint

Selection = Mapping[str, Any] | None
"""The selected fields of a record by name, each with the selection below it; None for a whole value."""

ReadFields = Callable[[bytes, int], dict[str, Any]]
"""Read the datum that begins at an offset and ends with the bytes.

Values are in their JSON form, as `msgspec.to_builtins` returns them. Raises an error of `INVALID`.
"""

INVALID = (ValueError, IndexError, OverflowError, struct.error)

_SCALES = {"timestamp-millis": "milliseconds", "timestamp-micros": "microseconds"}
_WIDTHS = {"boolean": 1, "float": 4, "double": 8}


def compile_reader(schema: Mapping[str, Any], selection: Selection) -> ReadFields:
    """Compile the function that reads the selected fields of a record.

    `schema` is one that `writer_schema.checked_schema` returns.
    """
    source = _Source(schema)
    source.read(schema, selection, "result", "    ")
    lines = ["def read(data, i):", *source.lines, "    if i != len(data): raise ValueError", "    return result"]
    names: dict[str, Any] = {"varint": read_varint, "unpack": struct.unpack_from, "json": to_builtins, "time": _time}
    exec("\n".join(lines), names)
    read: ReadFields = names["read"]
    return read


class _Source:
    """The lines of a function under construction. `data` has the bytes, and `i` is the offset of the next one."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.lines: list[str] = []
        self._numbers = count(1)
        self._named: dict[str, Any] = {}
        self._define(schema)

    def _define(self, schema: Any) -> None:
        if isinstance(schema, list):
            for branch in schema:
                self._define(branch)
        elif isinstance(schema, dict):
            if (
                "name" in schema
                and isinstance(schema.get("type"), str)
                and schema["type"] in ("record", "enum", "fixed")
            ):
                self._named[schema["name"]] = schema
            for part in (
                schema.get("items"),
                schema.get("values"),
                *(each["type"] for each in schema.get("fields", ())),
            ):
                self._define(part)

    def _add(self, pad: str, *lines: str) -> None:
        self.lines += [pad + line for line in lines]

    def read(self, schema: Any, selection: Selection, target: str, pad: str) -> None:
        """Add the lines that assign a value to the variable `target`."""
        schema = self._resolved(schema)
        if isinstance(schema, list):
            self._union(schema, pad, lambda branch, deeper: self.read(branch, selection, target, deeper))
            return
        match schema if isinstance(schema, str) else schema["type"]:
            case "record":
                self._record(schema, selection, target, pad)
            case "array":
                self._add(pad, f"{target} = []")
                self._blocks(pad, lambda deeper: self._item(schema["items"], selection, target, deeper))
            case "map":
                self._add(pad, f"{target} = {{}}")
                self._blocks(pad, lambda deeper: self._entry(schema["values"], target, deeper))
            case _:
                self._scalar(schema, target, pad)

    def skip(self, schema: Any, pad: str) -> None:
        """Add the lines that pass over a value."""
        schema = self._resolved(schema)
        if isinstance(schema, list):
            self._union(schema, pad, self.skip)
            return
        match schema if isinstance(schema, str) else schema["type"]:
            case "record":
                for each in schema["fields"]:
                    self.skip(each["type"], pad)
            case "array":
                self._blocks(pad, lambda deeper: self.skip(schema["items"], deeper))
            case "map":
                self._blocks(pad, lambda deeper: self._skip_entry(schema["values"], deeper))
            case "null":
                self._add(pad, "pass")
            case "int" | "long":
                self._add(pad, "while data[i] > 127: i += 1", "i += 1")
            case "float" | "double" as kind:
                self._add(pad, f"i += {_WIDTHS[kind]}")
            case "string" | "bytes":
                self._length(pad)
                self._add(pad, "i += n >> 1")
            case _:
                self._scalar(schema, "_", pad)

    def _skip_entry(self, schema: Any, pad: str) -> None:
        self.skip("string", pad)
        self.skip(schema, pad)

    def _resolved(self, schema: Any) -> Any:
        return self._named.get(schema, schema) if isinstance(schema, str) else schema

    def _scalar(self, schema: Any, target: str, pad: str) -> None:
        match schema if isinstance(schema, str) else schema["type"]:
            case "null":
                self._add(pad, f"{target} = None")
            case "boolean":
                self._add(pad, "if data[i] > 1: raise ValueError", f"{target} = data[i] == 1", "i += 1")
            case "float" | "double" as kind:
                self._add(pad, f"{target} = unpack('<{kind[0]}', data, i)[0]", f"i += {_WIDTHS[kind]}")
            case "string":
                self._length(pad)
                self._add(pad, f"{target} = data[i:i + (n >> 1)].decode()", "i += n >> 1")
            case "bytes":
                self._length(pad)
                self._add(pad, f"{target} = json(data[i:i + (n >> 1)])", "i += n >> 1")
            case "fixed":
                self._add(pad, f"{target} = json(data[i:i + {schema['size']}])", f"i += {schema['size']}")
            case "enum":
                self._length(pad)
                self._add(pad, f"{target} = {tuple(schema['symbols'])!r}[n >> 1]")
            case _:
                self._number(pad)
                scale = _SCALES.get(schema.get("logicalType", "")) if isinstance(schema, dict) else None
                value = "(n >> 1) ^ -(n & 1)"
                self._add(pad, f"{target} = time({scale}={value})" if scale else f"{target} = {value}")

    def _number(self, pad: str) -> None:
        """Read a number into `n`, in its zigzag form."""
        self._add(pad, "n = data[i]", "if n < 128: i += 1", "else: n, i = varint(data, i)")

    def _length(self, pad: str) -> None:
        """Read a number that is not negative into `n`, in its zigzag form."""
        self._number(pad)
        self._add(pad, "if n & 1: raise ValueError")

    def _union(self, branches: list[Any], pad: str, add: Callable[[Any, str], object]) -> None:
        kind = f"u{next(self._numbers)}"
        self._add(pad, f"{kind} = data[i]", "i += 1")
        for number, branch in enumerate(branches):
            self._add(pad, f"{'elif' if number else 'if'} {kind} == {number * 2}:")
            add(branch, pad + " ")
        self._add(pad, "else: raise ValueError")

    def _record(self, schema: Mapping[str, Any], selection: Selection, target: str, pad: str) -> None:
        members = {}
        for each in schema["fields"]:
            if selection is None or each["name"] in selection:
                members[each["name"]] = f"v{next(self._numbers)}"
                below = None if selection is None else selection[each["name"]]
                self.read(each["type"], below, members[each["name"]], pad)
            else:
                self.skip(each["type"], pad)
        self._add(pad, f"{target} = {{{', '.join(f'{name!r}: {value}' for name, value in members.items())}}}")

    def _blocks(self, pad: str, add: Callable[[str], object]) -> None:
        """Add the loop over the items of an array or a map. Each item occupies bytes, which bounds their number."""
        left = f"c{next(self._numbers)}"
        self._add(pad, "while True:")
        self._number(pad + " ")
        self._add(pad + " ", "if not n: break", f"{left} = (n >> 1) + (n & 1)", "if n & 1:")
        self.skip("long", pad + "  ")
        self._add(pad + " ", f"if {left} > len(data) - i: raise ValueError", f"for _ in range({left}):")
        add(pad + "  ")

    def _item(self, schema: Any, selection: Selection, target: str, pad: str) -> None:
        value = f"v{next(self._numbers)}"
        self.read(schema, selection, value, pad)
        self._add(pad, f"{target}.append({value})")

    def _entry(self, schema: Any, target: str, pad: str) -> None:
        name, value = f"v{next(self._numbers)}", f"v{next(self._numbers)}"
        self._scalar("string", name, pad)
        self.read(schema, None, value, pad)
        self._add(pad, f"{target}[{name}] = {value}")


def _time(**since: int) -> Any:
    return to_builtins(EPOCH + timedelta(**since))
