"""The tables as the projector changes them, and a store of them in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from headrace.console.views.specs import TableSpec

Key = tuple[Any, ...]
Values = tuple[Any, ...]


class Store(Protocol):
    """The tables within one transaction. A row is its key, and its other values in the order of their columns."""

    def load(self, spec: TableSpec, keys: Iterable[Key]) -> dict[Key, Values]:
        """Return the rows with these keys. They stay unchanged by others until the end of the transaction."""
        ...

    def completions_of(self, jobs: Iterable[int]) -> dict[Key, Values]:
        """Return the rows of `completions` of some jobs."""
        ...

    def new_numbers(self, spec: TableSpec, count: int) -> list[int]:
        """Return numbers for new rows of a numbered table, in ascending order."""
        ...

    def insert(self, spec: TableSpec, rows: Mapping[Key, Values]) -> None:
        """Insert new rows."""
        ...

    def update(self, spec: TableSpec, rows: Mapping[Key, Values]) -> None:
        """Replace the values of existing rows."""
        ...

    def delete(self, spec: TableSpec, keys: Iterable[Key]) -> None:
        """Delete rows; missing ones are ignored."""
        ...

    def add(self, spec: TableSpec, rows: Mapping[Key, Values]) -> None:
        """Add numbers to the values of rows; a missing row has zeros."""
        ...


def put(
    store: Store,
    spec: TableSpec,
    rows: Mapping[Key, Any],
    merge: Callable[[Any, Any], Any],
    kind: Callable[..., Any] | None = None,
    is_new: Callable[[Key], bool] = lambda key: False,
) -> dict[Key, Values]:
    """Write rows, merged with those of the store, and return the latter. Rows that are surely new are not looked up.

    `kind` is the type of the rows that `merge` takes.
    """
    known = store.load(spec, [key for key in rows if not is_new(key)])
    store.insert(spec, {key: row for key, row in rows.items() if key not in known} if known else rows)
    changed = {key: merge(kind(*known[key]) if kind else known[key], rows[key]) for key in known}
    store.update(spec, {key: row for key, row in changed.items() if row != known[key]})
    return known


class MemoryStore:
    """The tables in memory, without transactions."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[Key, Values]] = defaultdict(dict)

    def load(self, spec: TableSpec, keys: Iterable[Key]) -> dict[Key, Values]:
        """Return the rows with these keys."""
        rows = self.tables[spec.name]
        return {key: rows[key] for key in keys if key in rows}

    def completions_of(self, jobs: Iterable[int]) -> dict[Key, Values]:
        """Return the rows of `completions` of some jobs."""
        wanted = set(jobs)
        return {key: row for key, row in self.tables["completions"].items() if key[0] in wanted}

    def new_numbers(self, spec: TableSpec, count: int) -> list[int]:
        """Return numbers for new rows."""
        last = len(self.tables[spec.name])
        return list(range(last + 1, last + 1 + count))

    def insert(self, spec: TableSpec, rows: Mapping[Key, Values]) -> None:
        """Insert new rows."""
        self.tables[spec.name].update(rows)

    def update(self, spec: TableSpec, rows: Mapping[Key, Values]) -> None:
        """Replace the values of existing rows."""
        self.tables[spec.name].update(rows)

    def delete(self, spec: TableSpec, keys: Iterable[Key]) -> None:
        """Delete rows."""
        for key in keys:
            self.tables[spec.name].pop(key, None)

    def add(self, spec: TableSpec, rows: Mapping[Key, Values]) -> None:
        """Add numbers to the values of rows."""
        table = self.tables[spec.name]
        for key, values in rows.items():
            known = table.get(key)
            table[key] = values if known is None else tuple(map(sum, zip(known, values, strict=True)))
