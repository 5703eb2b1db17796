"""Views of some records, in a SQLite database in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import StaticPool

from headrace.console.kafka.entry import LogEntry
from headrace.console.search.indexer import Indexer
from headrace.console.views.apply import apply
from headrace.console.views.batch import Batch
from headrace.console.views.fold import Fold
from headrace.console.views.sql_store import SqlStore
from headrace.console.views.tables import METADATA


class FoldedViews:
    """The views of some entries. Entries have increasing offsets per partition."""

    def __init__(self, entries: Iterable[LogEntry]) -> None:
        any_thread = {"check_same_thread": False}
        self._engine: Engine = create_engine("sqlite://", poolclass=StaticPool, connect_args=any_thread)
        METADATA.create_all(self._engine)
        batch, fold = Batch(), Fold({})
        for entry in entries:
            fold.add(batch, entry)
        with self._engine.begin() as connection:
            apply(batch, SqlStore(connection), {}, now=1.0)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Open a connection."""
        with self._engine.connect() as connection:
            yield connection

    def indexed(self) -> FoldedViews:
        """Index the text of the events."""
        indexer = Indexer(self.connect, self._engine.begin, None)
        while indexer.step():
            pass
        return self
