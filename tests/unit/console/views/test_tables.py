"""Tests of the tables."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, inspect, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from headrace.console.views import tables


def test_sqlite_creates_every_table_and_index() -> None:
    engine = create_engine("sqlite://")
    tables.METADATA.create_all(engine)

    found = inspect(engine)
    full_text = {name for name in found.get_table_names() if name.startswith("passages_fts")}
    assert "passages_fts" in full_text
    assert set(found.get_table_names()) - full_text == set(tables.METADATA.tables)
    for table in tables.METADATA.tables.values():
        assert {index["name"] for index in found.get_indexes(table.name)} >= {index.name for index in table.indexes}


def test_sqlite_numbers_rows_itself() -> None:
    engine = create_engine("sqlite://")
    tables.METADATA.create_all(engine)
    row = {column.name: None if column.nullable else "" for column in tables.jobs.columns if column.name != "id"}
    with engine.begin() as connection:
        connection.execute(tables.jobs.insert(), [{**row, "token": "a"}, {**row, "token": "b"}])
        assert list(connection.execute(select(tables.jobs.c.id, tables.jobs.c.token))) == [(1, "a"), (2, "b")]


@pytest.mark.parametrize("table", tables.METADATA.sorted_tables, ids=lambda table: table.name)
def test_postgresql_sorts_texts_by_bytes(table: object) -> None:
    statement = str(CreateTable(table).compile(dialect=postgresql.dialect()))  # type: ignore[arg-type, no-untyped-call]

    assert statement.count(" TEXT") == statement.count(' TEXT COLLATE "C"')


def test_every_table_is_exported() -> None:
    assert {name for name in tables.__all__ if name.islower()} == set(tables.METADATA.tables)
