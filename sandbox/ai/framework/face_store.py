"""The faces of collections, in SQLite. Thread-safe."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_TABLES = """
CREATE TABLE IF NOT EXISTS collections (name TEXT PRIMARY KEY, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS faces (
    collection TEXT NOT NULL, id TEXT NOT NULL, signature BLOB NOT NULL, face TEXT NOT NULL,
    PRIMARY KEY (collection, id)
);
"""


class FaceStore:
    """The collections of the endpoint; `path` None keeps them in memory."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + _TABLES)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()

    def create(self, collection: str, at: float) -> bool:
        """Create a collection; False if it exists."""
        with self._lock:
            done = self._db.execute("INSERT OR IGNORE INTO collections VALUES (?, ?)", (collection, at))
            return done.rowcount == 1

    def created_at(self, collection: str) -> float | None:
        """Return the time at which a collection was created; None if it does not exist."""
        with self._lock:
            row = self._db.execute("SELECT created_at FROM collections WHERE name = ?", (collection,)).fetchone()
        return row[0] if row else None

    def add(self, collection: str, id_: str, signature: bytes, face: dict[str, Any]) -> None:
        """Add a face, unless it is in the collection."""
        with self._lock:
            self._db.execute(
                "INSERT OR IGNORE INTO faces VALUES (?, ?, ?, ?)", (collection, id_, signature, json.dumps(face))
            )

    def faces(self, collection: str) -> list[tuple[bytes, dict[str, Any]]]:
        """Return the signature and the description of each face, in the order of ids."""
        with self._lock:
            rows = self._db.execute(
                "SELECT signature, face FROM faces WHERE collection = ? ORDER BY id", (collection,)
            ).fetchall()
        return [(signature, json.loads(face)) for signature, face in rows]

    def delete(self, collection: str, ids: Iterable[str]) -> list[str]:
        """Delete faces; return those that existed."""
        with self._lock:
            return [
                id_
                for id_ in ids
                if self._db.execute("DELETE FROM faces WHERE collection = ? AND id = ?", (collection, id_)).rowcount
            ]
