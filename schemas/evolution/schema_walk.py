"""Walk an Avro schema as a tree, with references replaced by definitions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Definition = dict[str, Any]

NAMED = ("record", "enum", "fixed")


def named_types(schema: Definition) -> dict[str, Definition]:
    """Return the records, enums and fixed types of a schema by full name, expanded, inner ones first."""
    known: dict[str, Definition] = {}
    _expanded(schema, known, "")
    return known


def inline_named_types(schema: Definition) -> Definition:
    """Return the schema with full names and with references replaced by definitions.

    A recursive type keeps the inner reference.
    """
    return list(named_types(schema).values())[-1]


def walk(type_: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the path of every value, such as `labels[].name`, and its type, of an expanded schema.

    The branches of a union share one path.
    """
    if isinstance(type_, list):
        for branch in type_:
            yield from walk(branch, path)
        return
    yield path, type_
    kind = type_["type"] if isinstance(type_, dict) else type_
    if kind == "record":
        for field in type_["fields"]:
            yield from walk(field["type"], f"{path}.{field['name']}".lstrip("."))
    elif kind == "array":
        yield from walk(type_["items"], f"{path}[]")
    elif kind == "map":
        yield from walk(type_["values"], f"{path}{{}}")


def _expanded(type_: Any, known: dict[str, Definition], namespace: str) -> Any:
    if isinstance(type_, list):
        return [_expanded(branch, known, namespace) for branch in type_]
    if isinstance(type_, str):
        return known.get(_full_name(type_, namespace), type_)
    if type_["type"] in NAMED:
        return _defined(type_, known, namespace)
    inner = {"array": "items", "map": "values"}.get(type_["type"])
    return {**type_, inner: _expanded(type_[inner], known, namespace)} if inner else type_


def _defined(type_: Definition, known: dict[str, Definition], namespace: str) -> Definition:
    name = _full_name(type_["name"], type_.get("namespace", namespace))
    found = {**type_, "name": name}
    if type_["type"] == "record":
        inside = name.rpartition(".")[0]
        found["fields"] = [{**field, "type": _expanded(field["type"], known, inside)} for field in type_["fields"]]
    known[name] = found
    return found


def _full_name(name: str, namespace: str) -> str:
    return name if "." in name or not namespace else f"{namespace}.{name}"
