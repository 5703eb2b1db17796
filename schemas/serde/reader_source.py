"""Generate the source of Python functions that read the datum of an Avro schema.

fastavro reads each byte of a number with one call. A generated function indexes the bytes: it takes half of the time.
The source for a record with a text, a number that is not selected, and a nullable text, in the form of a record:

    def read(data, at):
        size = SIZES[data[at]]
        at += 1
        if size < 0:
            size, at = read_size(data, at - 1)
        v0 = data[at:at + size].decode()
        at += size
        while data[at] > 127:
            at += 1
        at += 1
        v1 = None
        branch = data[at]
        ...
        return Record(name=v0, note=v1), at

Only published schemas are compiled: a writer schema of the log is untrusted, and is never source.
Source: Apache Avro 1.12 specification, "Binary Encoding".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

from headrace.schemas.serde import binary
from headrace.schemas.serde.catalog import Schema

Selection = Mapping[str, Any] | None
"""The selected fields of a record by name, each with the selection below it; None for a whole value."""

_WIDTHS = {"boolean": 1, "float": 4, "double": 8}


@dataclass(frozen=True, slots=True)
class ValueForm:
    """The form of the values that a function returns: expressions, and the objects that they name.

    `record` takes the schema of a record and the expressions of its fields by name. The others contain `{}` for the
    value: bytes, a list, and the time of `timestamp-millis`.
    """

    record: Callable[[Schema, dict[str, str]], str]
    data: str
    array: str
    time: str
    names: Mapping[str, Any]


def compile_source(schema: Schema, selection: Selection, form: ValueForm) -> Callable[[bytes, int], tuple[Any, int]]:
    """Return a function that reads from an offset on; it returns the value, and the offset behind it.

    The offset may lie behind the end of the bytes. Skipped values are not checked.
    The function raises many types of errors for invalid bytes. `schema` has full names.

    Raises:
        ValueError: the schema has a type that no event uses.
    """
    return _Source(form).function(schema, selection)


def _entry(values: Any) -> Schema:
    """Return a record with the bytes of one entry of a map."""
    return {"type": "record", "fields": [{"name": "key", "type": "string"}, {"name": "value", "type": values}]}


class _Source:
    """The lines of one function. `data` has the bytes, and `at` is the offset of the next one."""

    def __init__(self, form: ValueForm) -> None:
        self._form = form
        self._lines: list[str] = []
        self._numbers = count()
        self._types: dict[str, Any] = {}
        self._names: dict[str, Any] = {
            "SIZES": binary.SIZES_BY_FIRST_BYTE,
            "EPOCH": binary.EPOCH,
            "timedelta": timedelta,
            "read_size": binary.read_size,
            "read_count": binary.read_count,
            "read_varint": binary.read_varint,
            "read_double": binary.DOUBLE.unpack_from,
            "read_float": binary.FLOAT.unpack_from,
        }

    def function(self, schema: Schema, selection: Selection) -> Callable[[bytes, int], tuple[Any, int]]:
        result = self._value(schema, selection, "    ")
        names = {**self._names, **self._form.names}
        exec("\n".join(["def read(data, at):", *self._lines, f"    return {result}, at"]), names)
        read: Callable[[bytes, int], tuple[Any, int]] = names["read"]
        return read

    def _add(self, pad: str, *lines: str) -> None:
        self._lines += [pad + line for line in lines]

    def _variable(self) -> str:
        return f"v{next(self._numbers)}"

    def _value(self, type_: Any, selection: Selection, pad: str) -> str:
        """Add the lines that read a value; return the expression of the value."""
        type_ = self._resolved(type_)
        if isinstance(type_, list):
            return self._nullable(type_, selection, pad)
        kind = type_["type"] if isinstance(type_, dict) else type_
        match kind:
            case "string" | "bytes":
                return self._text(kind, pad)
            case "int" | "long":
                return self._number(isinstance(type_, dict) and type_.get("logicalType") == "timestamp-millis", pad)
            case "double" | "float":
                return self._fixed(f"read_{kind}(data, at)[0]", _WIDTHS[kind], pad)
            case "boolean":
                return self._fixed("data[at] != 0", _WIDTHS[kind], pad)
            case "array" | "map":
                return self._collection(type_, selection, pad)
            case "enum":
                return self._enum(type_["symbols"], pad)
            case "record":
                return self._record(type_, selection, pad)
        raise ValueError(f"no event has a value of type {kind}")

    def _skip(self, type_: Any, pad: str) -> None:
        """Add the lines that pass over a value."""
        type_ = self._resolved(type_)
        kind = type_["type"] if isinstance(type_, dict) else type_
        match kind:
            case [*branches]:
                self._branches(branches, pad, self._skip)
            case "string" | "bytes":
                self._size(pad)
                self._add(pad, "at += size")
            case "int" | "long" | "enum":
                self._add(pad, "while data[at] > 127:", "    at += 1", "at += 1")
            case "double" | "float" | "boolean":
                self._add(pad, f"at += {_WIDTHS[kind]}")
            case "array" | "map":
                item = type_["items"] if kind == "array" else _entry(type_["values"])
                self._blocks(pad, lambda inner: self._skip(item, inner))
            case "record":
                for field in type_["fields"]:
                    self._skip(field["type"], pad)
            case _:
                self._value(type_, None, pad)

    def _resolved(self, type_: Any) -> Any:
        """Return the definition of a named type at its later uses."""
        if isinstance(type_, dict) and "name" in type_:
            self._types[type_["name"]] = type_
        return self._types.get(type_, type_) if isinstance(type_, str) else type_

    def _record(self, schema: Schema, selection: Selection, pad: str) -> str:
        if not schema["fields"]:
            raise ValueError(f"{schema['name']} has no fields")
        values = {}
        for field in schema["fields"]:
            name = field["name"]
            if selection is None or name in selection:
                values[name] = self._value(field["type"], None if selection is None else selection[name], pad)
            else:
                self._skip(field["type"], pad)
        return self._form.record(schema, values)

    def _nullable(self, branches: list[Any], selection: Selection, pad: str) -> str:
        result = self._variable()
        self._add(pad, f"{result} = None")

        def read(type_: Any, inner: str) -> None:
            self._add(inner, f"{result} = {self._value(type_, selection, inner)}")

        self._branches(branches, pad, read)
        return result

    def _branches(self, branches: list[Any], pad: str, add: Callable[[Any, str], None]) -> None:
        """Read or skip a value that may be null. Schemas of events have no other unions."""
        if len(branches) != 2 or "null" not in branches:
            raise ValueError(f"a union of {branches}")
        null = branches.index("null")
        self._add(pad, "branch = data[at]", "at += 1", f"if branch == {2 * (1 - null)}:")
        add(branches[1 - null], pad + "    ")
        self._add(pad, f"elif branch != {2 * null}:", "    raise ValueError('an unknown branch of a union')")

    def _size(self, pad: str) -> None:
        self._add(pad, "size = SIZES[data[at]]", "at += 1")
        self._add(pad, "if size < 0:", "    size, at = read_size(data, at - 1)")

    def _text(self, kind: str, pad: str) -> str:
        result, value = self._variable(), "data[at:at + size]"
        self._size(pad)
        self._add(pad, f"{result} = {value + '.decode()' if kind == 'string' else self._form.data.format(value)}")
        self._add(pad, "at += size")
        return result

    def _unsigned(self, pad: str) -> str:
        result = self._variable()
        self._add(pad, f"{result} = data[at]", "at += 1")
        self._add(pad, f"if {result} > 127:", f"    {result}, at = read_varint(data, at - 1)")
        return result

    def _number(self, is_time: bool, pad: str) -> str:
        result = self._unsigned(pad)
        self._add(pad, f"{result} = {result} >> 1 ^ -({result} & 1)")
        if not is_time:
            return result
        return self._form.time.format(f"EPOCH + timedelta(0, {result} // 1000, {result} % 1000 * 1000)")

    def _fixed(self, value: str, width: int, pad: str) -> str:
        result = self._variable()
        self._add(pad, f"{result} = {value}", f"at += {width}")
        return result

    def _enum(self, symbols: list[str], pad: str) -> str:
        number = self._unsigned(pad)
        table = f"SYMBOLS_{number}"
        self._names[table] = binary.EnumSymbols((2 * position, symbol) for position, symbol in enumerate(symbols))
        return f"{table}[{number}]"

    def _collection(self, type_: Any, selection: Selection, pad: str) -> str:
        """Read the items of an array, or the values of a map into a dictionary."""
        result, is_map = self._variable(), type_["type"] == "map"
        self._add(pad, f"{result} = {'{}' if is_map else '[]'}")

        def item(inner: str) -> None:
            if is_map:
                key = self._text("string", inner)
                self._add(inner, f"{result}[{key}] = {self._value(type_['values'], None, inner)}")
            else:
                self._add(inner, f"{result}.append({self._value(type_['items'], selection, inner)})")

        self._blocks(pad, item)
        return result if is_map else self._form.array.format(result)

    def _blocks(self, pad: str, item: Callable[[str], None]) -> None:
        left = f"left{next(self._numbers)}"
        self._add(pad, f"while {left} := SIZES[data[at]]:", "    at += 1")
        self._add(pad, f"    if {left} < 0:", f"        {left}, at = read_count(data, at - 1)")
        self._add(pad, f"    for _ in range({left}):")
        item(pad + "        ")
        self._add(pad, "at += 1")
