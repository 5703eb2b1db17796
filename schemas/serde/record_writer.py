"""Compile a Python function that writes the records of one schema, without a dictionary in between.

It takes half of the time of `msgspec.to_builtins` and fastavro. The source for a record with a text, a number and a
nullable text:

    def write(v0, add):
        text = v0.name.encode()
        size = len(text)
        add(SIZES[size] if size < 1024 else write_size(size))
        add(text)
        add(write_long(v0.size))
        v1 = v0.note
        if v1 is None:
            add(b"\\x00")
        else:
            add(b"\\x02")
            ...

Source: Apache Avro 1.12 specification, "Binary Encoding".
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from headrace.schemas import records
from headrace.schemas.serde import binary
from headrace.schemas.serde.binary import write_size
from headrace.schemas.serde.catalog import Schema

KNOWN_SIZES = 1024
"""Texts of fewer bytes have their encoded size in a table."""

Write = Callable[[Any, Callable[[bytes], None]], None]
"""Write a record as parts, each passed to the second argument."""


def compile_writer(schema: Schema, record: type[Any]) -> Write:
    """Compile a schema with full names. The function raises many types of errors for values that do not match.

    Raises:
        ValueError: the schema has a type that no event uses.
    """
    return _Source().function(schema, record)


class _Source:
    """The source of one function, and the names that it uses."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._numbers = count(1)
        self._types: dict[str, Any] = {}
        self._names: dict[str, Any] = {
            "SIZES": tuple(map(write_size, range(KNOWN_SIZES))),
            "EPOCH": binary.EPOCH,
            "MILLISECOND": binary.MILLISECOND,
            "write_size": write_size,
            "write_long": binary.write_long,
            "write_int": binary.write_int,
            "write_double": binary.DOUBLE.pack,
            "write_float": binary.FLOAT.pack,
        }

    def function(self, schema: Schema, record: type[Any]) -> Write:
        self._record(schema, record, "v0", "    ")
        exec("\n".join(["def write(v0, add):", *self._lines]), self._names)
        write: Write = self._names["write"]
        return write

    def _add(self, pad: str, *lines: str) -> None:
        self._lines += [pad + line for line in lines]

    def _value(self, type_: Any, value: str, pad: str) -> None:
        """Add the lines that write the value of an expression."""
        if isinstance(type_, list):
            self._nullable(type_, value, pad)
            return
        kind = type_["type"] if isinstance(type_, dict) else type_
        match kind:
            case "string" | "bytes":
                self._text(f"{value}.encode()" if kind == "string" else value, pad)
            case "long" if isinstance(type_, dict) and type_.get("logicalType") == "timestamp-millis":
                self._add(pad, f"add(write_long(({value} - EPOCH) // MILLISECOND))")
            case "int" | "long" | "double" | "float":
                self._add(pad, f"add(write_{kind}({value}))")
            case "boolean":
                self._add(pad, f"add(b'\\1' if {value} else b'\\0')")
            case "array" | "map":
                self._collection(type_, value, pad)
            case "enum":
                self._enum(type_["symbols"], value, pad)
            case "record":
                self._types[type_["name"]] = type_
                self._add(pad, f"{(variable := self._variable())} = {value}")
                self._record(type_, getattr(records, type_["name"].rpartition(".")[2]), variable, pad)
            case _ if kind in self._types:
                self._value(self._types[kind], value, pad)
            case _:
                raise ValueError(f"no event has a value of type {kind}")

    def _record(self, schema: Schema, record: type[Any], variable: str, pad: str) -> None:
        for field in schema["fields"]:
            value = f"{variable}.{field['name']}"
            if field["name"] not in record.__struct_fields__:
                value = f"DEFAULT_{next(self._numbers)}"
                self._names[value] = field["default"]
            self._value(field["type"], value, pad)

    def _nullable(self, branches: list[Any], value: str, pad: str) -> None:
        """Write a value that may be null. Schemas of events have no other unions."""
        if len(branches) != 2 or "null" not in branches:
            raise ValueError(f"a union of {branches}")
        null = branches.index("null")
        self._add(pad, f"{(variable := self._variable())} = {value}")
        self._add(pad, f"if {variable} is None:", f"    add({write_size(null)!r})")
        self._add(pad, "else:", f"    add({write_size(1 - null)!r})")
        self._value(branches[1 - null], variable, f"{pad}    ")

    def _text(self, value: str, pad: str) -> None:
        self._add(pad, f"text = {value}", "size = len(text)")
        self._add(pad, f"add(SIZES[size] if size < {KNOWN_SIZES} else write_size(size))", "add(text)")

    def _enum(self, symbols: list[str], value: str, pad: str) -> None:
        table = f"POSITIONS_{next(self._numbers)}"
        self._names[table] = {symbol: write_size(position) for position, symbol in enumerate(symbols)}
        self._add(pad, f"add({table}[{value}])")

    def _collection(self, type_: Any, value: str, pad: str) -> None:
        """Write the items of an array or a map as one block, and the empty block that ends them."""
        is_map = type_["type"] == "map"
        items, item, inner = self._variable(), self._variable(), f"{pad}        "
        self._add(pad, f"{items} = {value}", f"if len({items}):", f"    add(write_size(len({items})))")
        self._add(pad, f"    for {f'key, {item}' if is_map else item} in {items}{'.items()' if is_map else ''}:")
        if is_map:
            self._text("key.encode()", inner)
        self._value(type_["values" if is_map else "items"], item, inner)
        self._add(pad, "add(b'\\0')")

    def _variable(self) -> str:
        return f"v{next(self._numbers)}"
