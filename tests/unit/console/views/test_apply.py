"""The tables after any order of the log, in memory and in SQLite."""

from __future__ import annotations

from random import Random

import pytest
from sqlalchemy import Engine, create_engine

from headrace.console.views import specs, tables
from headrace.console.views.apply import apply
from headrace.console.views.apply_operations import OffsetMovedError
from headrace.console.views.canonical import canonical
from headrace.console.views.sql_store import SqlStore
from headrace.console.views.store import Key, MemoryStore, Values
from tests.unit.console.views.history import any_order, apply_all, batches, folded, log_of

HOSTILE = ("cat.jpg", "ä/\x00\x01'\"%_;--\n\u202e.mp4", "k" * 1000)


@pytest.fixture
def engine() -> Engine:
    """Return a SQLite database in memory with all tables."""
    engine = create_engine("sqlite://")
    tables.METADATA.create_all(engine)
    return engine


def in_memory(seed: int, *names: str) -> dict[tuple[object, ...], Values]:
    log, draw = log_of(names or HOSTILE, 7), Random(seed)
    store = MemoryStore()
    apply_all(batches(any_order(log, draw), draw), store)
    return canonical(store.tables)


def stored(engine: Engine) -> dict[tuple[object, ...], Values]:
    with engine.begin() as connection:
        return canonical({spec.name: _rows(connection, spec) for spec in specs.ALL})


def _rows(connection: object, spec: specs.TableSpec) -> dict[Key, Values]:
    width = len(spec.keys)
    columns = [spec.table.c[name] for name in (*spec.keys, *spec.values)]
    found = connection.execute(tables.assets.select().with_only_columns(*columns))  # type: ignore[attr-defined]
    return {tuple(row[:width]): tuple(row[width:]) for row in found}


def test_every_table_has_rows() -> None:
    names = {key[0] for key in in_memory(0)}
    assert names == {spec.name for spec in specs.ALL} - {"gaps"}


@pytest.mark.parametrize("seed", range(40))
def test_any_order_gives_the_same_rows(seed: int) -> None:
    assert in_memory(seed) == in_memory(1000)


@pytest.mark.parametrize("seed", range(5))
def test_sqlite_has_the_rows_of_the_fold_in_memory(seed: int, engine: Engine) -> None:
    log, draw = log_of(HOSTILE, 7), Random(seed)
    for group in batches(any_order(log, draw), draw):
        with engine.begin() as connection:
            store = SqlStore(connection)
            expected = store.load(specs.OFFSETS, {(each.topic, each.partition) for each in group})
            apply(folded(group), store, {place: row[0] for place, row in expected.items()}, 0.0)

    assert stored(engine) == in_memory(1000)


def test_records_that_were_applied_by_another_projector_are_rejected() -> None:
    log = log_of(["a"], 1)
    [first, second] = next(found for (topic, _), found in log.items() if topic == "media.scanned")[:2]
    store = MemoryStore()
    apply(folded([first]), store, {}, 0.0)
    before = dict(store.tables)

    with pytest.raises(OffsetMovedError, match="media"):
        apply(folded([second]), store, {}, 0.0)
    assert store.tables == before
