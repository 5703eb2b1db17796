"""The tables in SQLite or PostgreSQL, within the transaction of a connection.

Statements are compiled once per table, and rows are passed as tuples: this is several times faster than one statement
object for each batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any

from sqlalchemy import BigInteger, Connection, Double, Integer, LargeBinary, Text
from sqlalchemy.types import TypeEngine

from headrace.console.views import specs
from headrace.console.views.specs import TableSpec
from headrace.console.views.store import Key, Values

CHUNK = 400
"""Keys per query. SQLite takes at most 32,766 parameters."""

_ARRAYS: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (BigInteger, "bigint[]"),
    (Integer, "integer[]"),
    (Double, "double precision[]"),
    (LargeBinary, "bytea[]"),
    (Text, "text[]"),
)


class SqlStore:
    """The tables, within the transaction of a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._dialect = connection.dialect.name
        self._postgresql = self._dialect == "postgresql"

    def load(self, spec: TableSpec, keys: Iterable[Key]) -> dict[Key, Values]:
        """Return the rows with these keys. PostgreSQL locks them, in the order of the keys."""
        width = len(spec.keys)
        if self._postgresql:
            wanted = sorted(keys)
            rows = self._query(_load_postgresql(spec), tuple(map(list, zip(*wanted, strict=True)))) if wanted else []
            return {tuple(row[:width]): tuple(row[width:]) for row in rows}
        found: dict[Key, Values] = {}
        for chunk in _chunks(keys):
            statement = _load_sqlite(spec, len(chunk))
            for row in self._query(statement, tuple(value for key in chunk for value in key)):
                found[tuple(row[:width])] = tuple(row[width:])
        return found

    def completions_of(self, jobs: Iterable[int]) -> dict[Key, Values]:
        """Return the rows of `completions` of some jobs."""
        table, found = specs.COMPLETIONS.table, {}
        for chunk in _chunks((job,) for job in jobs):
            statement = table.select().where(table.c.job.in_([job for [job] in chunk]))
            for row in self._connection.execute(statement):
                found[tuple(row[:2])] = tuple(row[2:])
        return found

    def new_numbers(self, spec: TableSpec, count: int) -> list[int]:
        """Return numbers for new rows of a numbered table."""
        if not count:
            return []
        if self._postgresql:
            sequence = f"pg_get_serial_sequence('{spec.name}', 'id')"
            rows = self._query(f"SELECT nextval({sequence}) FROM generate_series(1, %s)", (count,))
            return sorted(row[0] for row in rows)
        [[last]] = self._query(f"SELECT coalesce(max(id), 0) FROM {spec.name}", ())
        return list(range(last + 1, last + 1 + count))

    def insert(self, spec: TableSpec, rows: Mapping[Key, Values]) -> None:
        """Insert new rows."""
        self._many(_insert(spec, self._dialect), [(*key, *row) for key, row in rows.items()])

    def update(self, spec: TableSpec, rows: Mapping[Key, Values]) -> None:
        """Replace the values of existing rows."""
        self._many(_update(spec, self._dialect), [(*row, *key) for key, row in rows.items()])

    def delete(self, spec: TableSpec, keys: Iterable[Key]) -> None:
        """Delete rows."""
        self._many(_delete(spec, self._dialect), list(keys))

    def add(self, spec: TableSpec, rows: Mapping[Key, Values]) -> None:
        """Add numbers to the values of rows, in the order of their keys, so that projectors do not block each other."""
        ordered = [(*key, *rows[key]) for key in sorted(rows)]
        self._many(_add(spec, self._dialect), ordered)

    def _query(self, statement: str, parameters: tuple[Any, ...]) -> Sequence[Any]:
        return self._connection.exec_driver_sql(statement, parameters).fetchall()

    def _many(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        if rows:
            self._connection.exec_driver_sql(statement, rows)


def _chunks(keys: Iterable[Key]) -> Iterable[list[Key]]:
    iterator = iter(keys)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


@cache
def _names(spec: TableSpec) -> tuple[str, str, str]:
    """Return the quoted key columns, all columns with the key first, and the condition that joins keys `k`."""
    keys = [f'"{name}"' for name in spec.keys]
    columns = ", ".join(f"t.{name}" for name in (*keys, *(f'"{name}"' for name in spec.values)))
    aliases = [f"column{number}" for number in range(1, len(keys) + 1)]
    condition = " AND ".join(f"t.{name} = k.{alias}" for name, alias in zip(keys, aliases, strict=True))
    return ", ".join(keys), columns, condition


@cache
def _load_sqlite(spec: TableSpec, count: int) -> str:
    _, columns, condition = _names(spec)
    marks = ", ".join(["(" + ", ".join("?" * len(spec.keys)) + ")"] * count)
    # CROSS JOIN: SQLite takes the keys one by one, and looks each up in the index.
    return f'SELECT {columns} FROM (VALUES {marks}) AS k CROSS JOIN "{spec.name}" AS t WHERE {condition}'


@cache
def _load_postgresql(spec: TableSpec) -> str:
    _, columns, condition = _names(spec)
    arrays = ", ".join(f"%s::{_array(column.type)}" for column in spec.key_columns)
    aliases = ", ".join(f"column{number}" for number in range(1, len(spec.keys) + 1))
    order = ", ".join(f't."{name}"' for name in spec.keys)
    return (
        f"SELECT {columns} FROM unnest({arrays}) AS k({aliases})"
        f' JOIN "{spec.name}" AS t ON {condition} ORDER BY {order} FOR UPDATE OF t'
    )


def _array(kind: TypeEngine[Any]) -> str:
    return next(name for known, name in _ARRAYS if isinstance(kind, known))


@cache
def _insert(spec: TableSpec, dialect: str) -> str:
    columns = ", ".join(f'"{name}"' for name in (*spec.keys, *spec.values))
    marks = ", ".join([_mark(dialect)] * (len(spec.keys) + len(spec.values)))
    return f'INSERT INTO "{spec.name}" ({columns}) VALUES ({marks})'


@cache
def _add(spec: TableSpec, dialect: str) -> str:
    names, _, _ = _names(spec)
    changes = ", ".join(f'"{name}" = {spec.name}."{name}" + excluded."{name}"' for name in spec.values)
    return f"{_insert(spec, dialect)} ON CONFLICT ({names}) DO UPDATE SET {changes}"


@cache
def _update(spec: TableSpec, dialect: str) -> str:
    mark = _mark(dialect)
    changes = ", ".join(f'"{name}" = {mark}' for name in spec.values)
    return f'UPDATE "{spec.name}" SET {changes} WHERE {_condition(spec, mark)}'


@cache
def _delete(spec: TableSpec, dialect: str) -> str:
    return f'DELETE FROM "{spec.name}" WHERE {_condition(spec, _mark(dialect))}'


def _mark(dialect: str) -> str:
    return "%s" if dialect == "postgresql" else "?"


def _condition(spec: TableSpec, mark: str) -> str:
    return " AND ".join(f'"{name}" = {mark}' for name in spec.keys)
