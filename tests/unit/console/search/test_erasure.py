"""Erasing an asset from the views."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, Table, func, insert, select

from headrace.console.search.erasure import erase_asset
from headrace.console.views import tables
from headrace.console.views.tables import METADATA
from tests.unit.console.search.corpus import Corpus
from tests.unit.console.search.test_like import add_vectors

LINKS = {"asset", "asset_id", "version_id", "execution", "job", "letter", "passage_id", "source_id"}
"""Columns by which a row belongs to an asset."""
OF_ASSETS = [tables.assets, *(each for each in METADATA.tables.values() if LINKS & set(each.columns.keys()))]
KEY = "family/\x00private.mp4"


EMPTY = {bytes: b"", str: "", int: 0, float: 0.0, bool: False}


def row(table: Table, values: dict[str, Any]) -> dict[str, Any]:
    """Return a row with a value for each column."""
    return {each.name: values.get(each.name, EMPTY[each.type.python_type]) for each in table.columns}


def add(connection: Connection, table: Table, **values: Any) -> None:
    connection.execute(insert(table).values(row(table, values)))


def count(engine: Engine, table: Table) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def fill(corpus: Corpus, key: str, number: int) -> None:
    """Add an asset with a row in every table."""
    add_vectors(corpus, corpus.speech(key, f"a secret number {number}"), "secrets")
    corpus.index()
    name = f"media/{key}".replace("\x00", "\x01\x01")
    with corpus.engine.begin() as connection:
        for table in (tables.stage_states, tables.timeline):
            add(connection, table, version_id=number)
        add(connection, tables.jobs, id=number, token=f"t{number}", version_id=number)
        add(connection, tables.completions, job=number)
        add(connection, tables.removals, asset_id=number)
        add(connection, tables.dead_letters, id=f"l{number}", asset=name)
        add(connection, tables.dispositions, letter=f"l{number}")
        add(connection, tables.executions, id=number, asset=name)
        for table in (tables.execution_events, tables.execution_states, tables.execution_attempts):
            add(connection, table, execution=number)


def test_erased_asset_is_in_no_table(corpus: Corpus) -> None:
    fill(corpus, KEY, 1)
    fill(corpus, "other.mp4", 2)
    before = {table.name: count(corpus.engine, table) for table in OF_ASSETS}
    assert all(before.values()), "the test has to fill every table"
    with corpus.engine.begin() as connection:
        erased = erase_asset(connection, f"media/{KEY}")
    assert erased["timeline"] == 1
    assert erased["passages"] == before["passages"] // 2
    after = {table.name: count(corpus.engine, table) for table in OF_ASSETS}
    assert after == {name: number // 2 for name, number in before.items()}
    assert corpus.keys("secret") == ["other.mp4"]


def test_erasing_an_unknown_asset_changes_nothing(corpus: Corpus) -> None:
    fill(corpus, KEY, 1)
    with corpus.engine.begin() as connection:
        assert erase_asset(connection, "media/unknown.mp4") == {}
    assert corpus.keys("secret") == [KEY]
