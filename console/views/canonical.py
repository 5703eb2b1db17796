"""Tables in a form that does not depend on the order in which rows were numbered. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from headrace.console.views import specs
from headrace.console.views.specs import TableSpec
from headrace.console.views.store import Key, Values

TableRows = Mapping[Key, Values]

_ASSET_KEYED = (specs.REMOVALS,)
_VERSION_KEYED = (specs.STAGES, specs.TIMELINE)
_PLAIN = (
    specs.LETTERS,
    specs.DISPOSITIONS,
    specs.REPLAYS,
    specs.AUDIT,
    specs.WORKERS,
    specs.RULES,
    specs.DELIVERIES,
    specs.LOSSES,
    specs.PEOPLE,
    specs.GAPS,
    specs.UNDECODABLE,
    specs.EXECUTIONS,
    specs.EXECUTION_EVENTS,
    specs.EXECUTION_STATES,
    specs.EXECUTION_ATTEMPTS,
)


def canonical(tables: Mapping[str, TableRows]) -> dict[tuple[Any, ...], Values]:
    """Return all rows by table and key: without numbers, and without what differs from run to run."""
    return dict(_rows(tables))


def _rows(tables: Mapping[str, TableRows]) -> Iterator[tuple[tuple[Any, ...], Values]]:
    assets = {row[0]: key for key, row in tables["assets"].items()}
    versions = {row[0]: (*assets[key[0]], *key[1:]) for key, row in tables["versions"].items()}
    jobs = {row[0]: key for key, row in tables["jobs"].items()}
    yield from ((("assets", *key), row[1:-1]) for key, row in tables["assets"].items())
    yield from ((("versions", *versions[row[0]]), row[1:]) for row in tables["versions"].values())
    for key, row in tables["jobs"].items():
        yield ("jobs", *key), (versions.get(row[1]), *row[2:])
    yield from _renamed(specs.COMPLETIONS, tables, jobs)
    for spec in _ASSET_KEYED:
        yield from _renamed(spec, tables, assets)
    for spec in _VERSION_KEYED:
        yield from _renamed(spec, tables, versions)
    for key, row in tables["text_sources"].items():
        yield ("text_sources", *versions[key[0]], *key[1:]), (row[2], row[3], row[5])
    for spec in _PLAIN:
        yield from (((spec.name, *key), row) for key, row in tables[spec.name].items())
    yield from _costs(tables["costs"])
    for key, row in tables["offsets"].items():
        yield ("offsets", *key), (row[0], row[3], row[4])


def _renamed(spec: TableSpec, tables: Mapping[str, TableRows], names: Mapping[int, Key]) -> Iterator[Any]:
    """Yield rows whose key begins with a number, with what the number means instead."""
    for key, row in tables[spec.name].items():
        yield (spec.name, *names[key[0]], *key[1:]), row


def _costs(rows: TableRows) -> Iterator[tuple[tuple[Any, ...], Values]]:
    sums: dict[tuple[str, str], Values] = {}
    for (day, stage, _), row in rows.items():
        before = sums.get((day, stage), (0,) * len(row))
        sums[day, stage] = tuple(map(sum, zip(before, row, strict=True)))
    yield from (((("costs"), *key), row) for key, row in sums.items())
