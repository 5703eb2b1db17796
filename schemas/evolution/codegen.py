"""Write `schemas/records.py` from the newest version of every event: `python -m headrace.schemas.evolution.codegen`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from headrace.schemas.evolution import schema_walk
from headrace.schemas.evolution.schema_walk import Definition
from headrace.schemas.serde import catalog
from headrace.schemas.serde.catalog import SchemaVersion

TARGET = Path(__file__).parents[1] / "records.py"

HEAD = '''"""The events as frozen records, from `schemas/avro`. Do not edit.

Written by `python -m headrace.schemas.evolution.codegen`.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from msgspec import Struct
'''

PRIMITIVES = {
    "string": "str",
    "int": "int",
    "long": "int",
    "float": "float",
    "double": "float",
    "boolean": "bool",
    "bytes": "bytes",
    "null": "None",
}


def render() -> str:
    """Return the text of `records.py`."""
    return _formatted(source(catalog.versions()))


def source(published: tuple[SchemaVersion, ...]) -> str:
    """Return the newest version of each event as Python. Raises ValueError for an unsupported type."""
    newest = catalog.latest(published)
    named: dict[str, str] = {}
    for version in newest.values():
        for definition in schema_walk.named_types(version.schema).values():
            _define(definition, named, newest)
    union = "Event = (\n    " + "\n    | ".join(newest) + "\n)\n"
    table = "EVENTS: dict[str, type[Event]] = {\n" + "".join(f'    "{name}": {name},\n' for name in newest) + "}\n"
    return "\n\n".join([HEAD, *named.values(), union, table])


def main() -> None:
    """Rewrite the generated module."""
    TARGET.write_text(render(), encoding="utf-8")


def _define(definition: Definition, named: dict[str, str], events: dict[str, SchemaVersion]) -> None:
    name = _short(definition)
    if definition["type"] not in ("record", "enum"):
        raise _formless(definition)
    text = _enum(definition) if definition["type"] == "enum" else _record(definition, name in events)
    if named.setdefault(name, text) != text:
        raise ValueError(f"{name} is defined twice, and differently")


def _enum(definition: Definition) -> str:
    symbols = ", ".join(f'"{symbol}"' for symbol in definition["symbols"])
    return f'{_short(definition)} = Literal[{symbols}]\n"""{definition["doc"]}"""\n'


def _record(definition: Definition, event: bool) -> str:
    name = _short(definition)
    # Records are acyclic, so the garbage collector need not track them.
    lines = [f"class {name}(Struct, frozen=True, kw_only=True, gc=False):", f'    """{definition["doc"]}"""', ""]
    if event:
        lines += [f'    EVENT: ClassVar[str] = "{name}"', ""]
    lines += [f"    {field['name']}: {_annotation(field['type'])}{_default(field)}" for field in definition["fields"]]
    return "\n".join(lines) + "\n"


def _annotation(type_: Any) -> str:
    """Return an expanded Avro type as Python; a nullable one as `X | None`."""
    if isinstance(type_, list):
        return " | ".join(_annotation(branch) for branch in sorted(type_, key=lambda branch: branch == "null"))
    if isinstance(type_, str):
        return PRIMITIVES.get(type_) or type_.rpartition(".")[2]
    if type_["type"] == "array":
        return f"tuple[{_annotation(type_['items'])}, ...]"
    if type_["type"] == "map":
        return f"dict[str, {_annotation(type_['values'])}]"
    if type_["type"] in ("record", "enum"):
        return _short(type_)
    if type_.get("logicalType") == "timestamp-millis":
        return "datetime"
    if "logicalType" in type_ or type_["type"] not in PRIMITIVES:
        raise _formless(type_)
    return PRIMITIVES[type_["type"]]


def _default(field: Definition) -> str:
    """Return a field's default. Objects, bytes and timestamps have no literal: such a field must be nullable."""
    if "default" not in field:
        return ""
    value = field["default"]
    kind = _annotation(field["type"]).removesuffix(" | None")
    if value == []:
        return " = ()"
    if isinstance(value, dict | list) or (value is not None and kind in ("bytes", "datetime")):
        raise ValueError(f"{field['name']}: default {value!r} has no Python form here; make it nullable, default null")
    return f" = {value!r}"


def _formless(type_: Definition) -> ValueError:
    return ValueError(f"{type_} has no Python form here: add it to schemas/evolution/codegen.py")


def _short(definition: Definition) -> str:
    return str(definition["name"].rpartition(".")[2])


def _formatted(text: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--quiet", "--line-length", "120", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, encoding="utf-8", check=True).stdout


if __name__ == "__main__":
    main()
