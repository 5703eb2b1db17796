"""Golden files of published schema versions; `python -m tests.support.golden` adds missing ones.

A published version never changes, so existing golden files are never rewritten.
"""

from __future__ import annotations

import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from headrace import schemas
from headrace.schemas.evolution import schema_walk
from headrace.schemas.records import EVENTS
from headrace.schemas.serde import catalog, generic_avro
from headrace.schemas.serde.catalog import SchemaVersion
from headrace.schemas.serde.codec import Codec

FOLDER = Path(__file__).parents[1] / "contract" / "golden"

NUMBERS = {"int": -7, "long": 2**40, "float": 0.5, "double": 99.25}


class Golden(msgspec.Struct, frozen=True, kw_only=True):
    """One version's fingerprint, the SHA-256 of its file, and a record as bytes and as JSON."""

    fingerprint: str
    sha256: str
    bytes: str
    record: dict[str, Any]


def path(version: SchemaVersion) -> Path:
    """Return the path of a version's golden file."""
    return FOLDER / f"{version.event}.v{version.number}.json"


def read(version: SchemaVersion) -> Golden:
    """Read a version's golden file. Raises `FileNotFoundError` if it does not exist."""
    return msgspec.json.decode(path(version).read_bytes(), type=Golden)


def sha256(version: SchemaVersion) -> str:
    """Return the SHA-256 of the version's file in the repository."""
    source = Path(schemas.__file__).parent / "avro" / version.event / f"v{version.number}.avsc"
    return hashlib.sha256(source.read_bytes()).hexdigest()


def of(version: SchemaVersion) -> Golden:
    """Make a version's golden file, with a sample that has a value for every field."""
    record = msgspec.convert(_sample(schema_walk.inline_named_types(version.schema), "sample"), EVENTS[version.event])
    return Golden(
        fingerprint=generic_avro.fingerprint(version.schema).hex(),
        sha256=sha256(version),
        bytes=Codec((version,)).encode(record).hex(),
        record=msgspec.to_builtins(record),
    )


def add(published: tuple[SchemaVersion, ...]) -> list[Path]:
    """Write missing golden files and return their paths."""
    new = [version for version in published if not path(version).exists()]
    for version in new:
        with path(version).open("x", encoding="utf-8") as file:
            file.write(json.dumps(msgspec.to_builtins(of(version)), indent=2, ensure_ascii=False) + "\n")
    return [path(version) for version in new]


def _sample(type_: Any, name: str) -> Any:
    """Return a deterministic value; strings contain their field name."""
    if isinstance(type_, list):
        return _sample(next(branch for branch in type_ if branch != "null"), name)
    kind = type_ if isinstance(type_, str) else type_["type"]
    if kind == "record":
        return {field["name"]: _sample(field["type"], field["name"]) for field in type_["fields"]}
    if kind == "array":
        return [_sample(type_["items"], f"{name} {number}") for number in (1, 2)]
    if kind == "map":
        return {f"{name} {number}": _sample(type_["values"], f"{name} {number}") for number in (1, 2)}
    if kind == "enum":
        return type_["symbols"][-1]
    if isinstance(type_, dict) and type_.get("logicalType") == "timestamp-millis":
        return datetime(2026, 3, 14, 15, 9, 26, 535000, tzinfo=UTC)
    return {"string": f"{name} ü/+ %", "boolean": True, "bytes": b"\x00\xff", **NUMBERS}[kind]


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    sys.stdout.writelines(f"added {file.name}\n" for file in add(catalog.versions()))
