"""The facts of a proof in SQLite, so that the memory of its checks does not grow with the number of records."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TABLES = """
CREATE TABLE IF NOT EXISTS uploads (
    root TEXT PRIMARY KEY, asset TEXT NOT NULL, version INTEGER NOT NULL, sample TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS uploads_by_asset ON uploads (asset, version);
CREATE TABLE IF NOT EXISTS records (
    topic TEXT, partition INTEGER, offset INTEGER, id TEXT, cause TEXT, root TEXT, key TEXT, digest TEXT,
    failed INTEGER, PRIMARY KEY (topic, partition, offset)
) WITHOUT ROWID;
"""
INDEXES = """
CREATE INDEX IF NOT EXISTS records_by_id ON records (topic, id);
CREATE INDEX IF NOT EXISTS records_by_cause ON records (topic, cause);
CREATE INDEX IF NOT EXISTS records_by_root ON records (topic, root);
"""


class Facts:
    """A database of uploads and records. Thread-safe."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.executescript(f"PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; {TABLES}")

    def add(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        """Store rows; an existing row is replaced."""
        if rows:
            places = ", ".join("?" * len(rows[0]))
            with self._lock:
                self._db.execute("BEGIN")
                self._db.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({places})", rows)
                self._db.execute("COMMIT")

    def index(self) -> None:
        """Create the indexes of the checks, once all records are stored."""
        with self._lock:
            self._db.executescript(INDEXES)

    def execute(self, sql: str, values: Mapping[str, Any] | None = None) -> None:
        """Change rows."""
        with self._lock:
            self._db.execute(sql, values or {})

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Undo the changes of the block at its end."""
        self.execute("SAVEPOINT undone")
        try:
            yield
        finally:
            self.execute("ROLLBACK TO undone")
            self.execute("RELEASE undone")

    def rows(self, sql: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Return the rows of a query, which limits their number."""
        with self._lock:
            return self._db.execute(sql, values or {}).fetchall()

    def number(self, sql: str, values: Mapping[str, Any] | None = None) -> int:
        """Return the number that a query returns."""
        return int(self.rows(sql, values)[0][0] or 0)

    def attach(self, path: Path, name: str) -> None:
        """Make the tables of another database visible under a name."""
        with self._lock:
            self._db.execute(f"ATTACH DATABASE ? AS {name}", (str(path),))

    def close(self) -> None:
        """Close the database."""
        self._db.close()
