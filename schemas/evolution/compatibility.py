"""Check each schema version against all older ones, in both directions. The only module that imports `avro`.

Old workers read what new ones write, and a replay lets new ones read what old ones wrote: full, transitive.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Any

from avro import schema as avro_schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType, lookup_writer_field
from avro.errors import AvroException

from headrace.schemas.cloudevents import PREFIX
from headrace.schemas.evolution import lint
from headrace.schemas.evolution.lint import LintProblem
from headrace.schemas.serde.catalog import SchemaVersion
from headrace.schemas.serde.generic_avro import fingerprint
from headrace.schemas.serde.writer_schema import InvalidSchemaError

__all__ = ["LintProblem", "check"]

Incompatibility = tuple[str, str, str]
"""A path, what the reader lacks there, and the fix."""

_RULES = {
    "name": ("it knows the type by another name", "keep the name"),
    "size": ("it expects another size", "keep the size, or add a field under a new name"),
    "symbols": ("it lacks a symbol and has no default", "keep the symbols; an enum with a default may get new ones"),
    "fields": ("it needs this field", "keep a field without a default; give a new one a default"),
}


def check(published: tuple[SchemaVersion, ...]) -> list[LintProblem]:
    """List every reason not to publish these versions; none when they are compatible.

    Source: Apache Avro 1.12 specification, "Schema Resolution", with Avro's checker. `schemas.evolution.lint` checks
    what it ignores.
    """
    broken = [problem for version in published for problem in _broken(version)]
    if broken:
        return broken
    found: list[LintProblem] = []
    for event, versions in _by_event(published).items():
        found += lint.lint_version_numbers(event, versions)
        for version in versions:
            found += lint.lint_schema(version)
        for old, new in combinations(versions, 2):
            found += [*_unreadable(new, old), *_unreadable(old, new), *lint.lint_evolution(new, old)]
        for previous, new in pairwise(versions):
            found += lint.lint_step(new, previous)
    return [*found, *lint.lint_fingerprints(published), *lint.lint_shared_types(published)]


def _broken(version: SchemaVersion) -> Iterator[LintProblem]:
    where = (version.event, (version.number,), "")
    try:
        fingerprint(version.schema)
        parsed = _parsed(version)
    except (AvroException, InvalidSchemaError) as error:
        yield LintProblem(*where, f"invalid Avro schema: {error}", "correct the file")
        return
    if parsed.type != "record" or parsed.fullname != PREFIX + version.event:
        yield LintProblem(
            *where, f"does not define the record {PREFIX}{version.event}", "name it as its folder is named"
        )


def _unreadable(reader: SchemaVersion, writer: SchemaVersion) -> Iterator[LintProblem]:
    for path, why, todo in _clashes(_parsed(reader), _parsed(writer), "", ()):
        says = f"v{reader.number} cannot read what v{writer.number} wrote: {why}"
        yield LintProblem(reader.event, (reader.number, writer.number), path.lstrip("."), says, todo)


def _clashes(reader: Any, writer: Any, path: str, above: tuple[Any, ...]) -> Iterator[Incompatibility]:
    """Find incompatible types. The checker loses their places in unions, so this walks the types."""
    found = ReaderWriterCompatibilityChecker().get_compatibility(reader, writer)  # type: ignore[no-untyped-call]
    if found.compatibility is not SchemaCompatibilityType.incompatible or any(reader is one for one in above):
        return
    deeper = [
        clash
        for step, inner, other in _inside(reader, writer)
        for clash in _clashes(inner, other, path + step, (*above, reader))
    ]
    here = list(_here(reader, writer, found.locations))
    for step, rule in here:
        yield path + step, *_RULES[rule]
    if not here and not deeper:
        yield path, "; ".join(sorted(found.messages)), "keep the type, or add a field under a new name"
    yield from deeper


def _here(reader: Any, writer: Any, locations: set[str]) -> Iterator[tuple[str, str]]:
    """Find incompatibilities of a type, without those of its inner types."""
    yield from (("", location[1:]) for location in ("/name", "/size", "/symbols") if location in locations)
    if reader.type == writer.type == "record":
        for field in reader.fields:
            if lookup_writer_field(writer, field) is None and not field.has_default:
                yield f".{field.name}", "fields"


def _inside(reader: Any, writer: Any) -> Iterator[tuple[str, Any, Any]]:
    """Pair the inner types of two types as a reader resolves them."""
    kinds = {reader.type, writer.type}
    if "union" in kinds:
        for branch in _branches(reader):
            yield from (("", branch, other) for other in _branches(writer) if other.type == branch.type)
    elif kinds == {"array"}:
        yield "[]", reader.items, writer.items
    elif kinds == {"map"}:
        yield "{}", reader.values, writer.values
    elif kinds == {"record"}:
        for field in reader.fields:
            other = lookup_writer_field(writer, field)
            if other is not None:
                yield f".{field.name}", field.type, other.type


def _branches(type_: Any) -> list[Any]:
    return list(type_.schemas) if type_.type == "union" else [type_]


def _parsed(version: SchemaVersion) -> Any:
    return avro_schema.parse(json.dumps(version.schema))


def _by_event(published: tuple[SchemaVersion, ...]) -> dict[str, list[SchemaVersion]]:
    found: dict[str, list[SchemaVersion]] = defaultdict(list)
    for version in sorted(published, key=lambda version: version.number):
        found[version.event].append(version)
    return found
