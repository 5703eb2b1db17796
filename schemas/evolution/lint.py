"""Lint schemas for what Avro's compatibility rules ignore: logical types, docs, defaults, aliases, numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from headrace.schemas.evolution import schema_walk
from headrace.schemas.evolution.schema_walk import Definition
from headrace.schemas.serde.catalog import SchemaVersion, latest
from headrace.schemas.serde.generic_avro import fingerprint

FieldTable = dict[str, Definition]


@dataclass(frozen=True, slots=True)
class LintProblem:
    """A reason not to publish these versions of an event, with its place and the fix.

    `path` is a field as in `labels[].name`, or a type and its field as in `Label.name`; empty for the whole.
    """

    event: str
    versions: tuple[int, ...]
    path: str
    why: str
    todo: str

    def __str__(self) -> str:
        where = ", ".join(f"v{number}" for number in self.versions) + (f" at {self.path}" if self.path else "")
        return f"{self.event} {where}: {self.why}; {self.todo}"


def lint_schema(version: SchemaVersion) -> Iterator[LintProblem]:
    """Check one version: docs, enum defaults, aliases as full names."""
    for name, definition in schema_walk.named_types(version.schema).items():
        path = name.rpartition(".")[2]
        for spot, part in _documented(path, definition):
            if not part.get("doc"):
                yield _problem(version, spot, "has no doc", "say in one line what it is")
        if definition["type"] == "enum" and "default" not in definition:
            yield _problem(version, path, "is an enum without a default", "name the symbol that unknown ones become")
        for alias in definition.get("aliases", ()):
            if "." not in alias:
                full = f"{name.rpartition('.')[0]}.{alias}"
                yield _problem(version, path, f"has the alias {alias}, which is no full name", f"write {full}")


def lint_evolution(new: SchemaVersion, old: SchemaVersion) -> Iterator[LintProblem]:
    """Check a version against any older one: the same logical types in the same places."""
    before, after = _marks(old), _marks(new)
    for path in sorted(before.keys() & after.keys()):
        if before[path] != after[path]:
            yield LintProblem(
                new.event,
                (new.number, old.number),
                path,
                f"logical type {_describe(before[path])} became {_describe(after[path])}",
                "keep it, or add a field under a new name",
            )


def lint_step(new: SchemaVersion, previous: SchemaVersion) -> Iterator[LintProblem]:
    """Check a version against the one before it: new fields have defaults, renamed things have aliases."""
    before, after = _fields(previous), _fields(new)
    for path in sorted(before.keys() & after.keys()):
        for name, why, todo in _arrivals(after[path], before[path]):
            yield LintProblem(new.event, (new.number, previous.number), f"{path}.{name}".lstrip("."), why, todo)
    yield from _renamed_types(new, previous)


def lint_version_numbers(event: str, versions: Iterable[SchemaVersion]) -> Iterator[LintProblem]:
    """Check that an event's versions are 1, 2, 3 and so on."""
    found = tuple(version.number for version in versions)
    if found != tuple(range(1, len(found) + 1)):
        yield LintProblem(
            event, found, "", "versions are not numbered 1, 2, 3, ...", "number the newest one after the last"
        )


def lint_fingerprints(published: Iterable[SchemaVersion]) -> Iterator[LintProblem]:
    """Check that each version has its own fingerprint, by which readers find the writer schema."""
    alike: dict[bytes, list[SchemaVersion]] = defaultdict(list)
    for version in published:
        alike[fingerprint(version.schema)].append(version)
    for mark, versions in alike.items():
        if len(versions) > 1:
            yield LintProblem(
                versions[0].event,
                tuple(version.number for version in versions),
                "",
                f"one fingerprint, {mark.hex()}, for {' and '.join(version.label for version in versions)}",
                "change more than docs, defaults and logical types, such as by a new field with a default",
            )


def lint_shared_types(published: tuple[SchemaVersion, ...]) -> Iterator[LintProblem]:
    """Check that a type in several events is the same in the newest version of each."""
    found: dict[str, list[tuple[SchemaVersion, Definition]]] = defaultdict(list)
    for version in latest(published).values():
        for name, definition in schema_walk.named_types(version.schema).items():
            found[name].append((version, definition))
    for name, uses in found.items():
        first, definition = uses[0]
        for version, other in uses[1:]:
            if other != definition:
                why = f"differs from the {name} of {first.label}"
                yield _problem(version, name.rpartition(".")[2], why, "make them the same, in a new version of either")


def _arrivals(after: FieldTable, before: FieldTable) -> Iterator[tuple[str, str, str]]:
    """Check fields that the older record has neither by name nor by alias."""
    taken_over = {alias for field in after.values() for alias in field.get("aliases", ())}
    gone = sorted(before.keys() - after.keys() - taken_over)
    for name, field in after.items():
        if not before.keys().isdisjoint({name, *field.get("aliases", ())}):
            continue
        if "default" not in field:
            yield name, "is new and has no default", "give it a default"
        for old in gone:
            if before[old]["type"] == field["type"]:
                why = f"came as {old}, of the same type, went: a rename without an alias"
                yield name, why, f'add "aliases": ["{old}"], or remove and add in two versions'


def _renamed_types(new: SchemaVersion, previous: SchemaVersion) -> Iterator[LintProblem]:
    before, after = _named(previous), _named(new)
    for path in sorted(before.keys() & after.keys()):
        gone = before[path].keys() - after[path].keys()
        for name in sorted(after[path].keys() - before[path].keys()):
            if gone and gone.isdisjoint(after[path][name].get("aliases", ())):
                old = ", ".join(sorted(gone))
                todo = f'keep the name, or add "aliases": ["{old}"]'
                yield LintProblem(new.event, (new.number, previous.number), path, f"{old} was renamed to {name}", todo)


def _documented(path: str, definition: Definition) -> Iterator[tuple[str, Definition]]:
    yield path, definition
    for field in definition.get("fields", ()):
        yield f"{path}.{field['name']}", field


def _marks(version: SchemaVersion) -> dict[str, frozenset[tuple[Any, ...]]]:
    """Return the logical types at each path, with precision and scale."""
    found: dict[str, set[tuple[Any, ...]]] = defaultdict(set)
    for path, type_ in schema_walk.walk(schema_walk.inline_named_types(version.schema)):
        if type_ != "null":
            plain = type_ if isinstance(type_, dict) else {}
            found[path].add(tuple(plain.get(key) for key in ("logicalType", "precision", "scale")))
    return {path: frozenset(marks) for path, marks in found.items()}


def _describe(marks: frozenset[tuple[Any, ...]]) -> str:
    words = [" ".join(str(part) for part in mark if part is not None) or "none" for mark in marks]
    return " or ".join(sorted(words))


def _fields(version: SchemaVersion) -> dict[str, FieldTable]:
    """Return the fields of the record at each path."""
    found: dict[str, FieldTable] = defaultdict(dict)
    for path, type_ in schema_walk.walk(schema_walk.inline_named_types(version.schema)):
        if isinstance(type_, dict) and type_["type"] == "record":
            found[path].update({field["name"]: field for field in type_["fields"]})
    return found


def _named(version: SchemaVersion) -> dict[str, FieldTable]:
    """Return the named types at each path."""
    found: dict[str, FieldTable] = defaultdict(dict)
    for path, type_ in schema_walk.walk(schema_walk.inline_named_types(version.schema)):
        if isinstance(type_, dict) and type_["type"] in schema_walk.NAMED:
            found[path][type_["name"]] = type_
    return found


def _problem(version: SchemaVersion, path: str, why: str, todo: str) -> LintProblem:
    return LintProblem(version.event, (version.number,), path, why, todo)
