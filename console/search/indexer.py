"""Index the text of results: the fold queues sources, the indexer reads each stored result once.

Reading from S3 is slow, so it happens apart from the fold and outside of transactions. Passages and the end of the
queue entry are one transaction: a killed indexer repeats at most the sources of one step.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import structlog
from sqlalchemy import Connection

from headrace.console.search.extract import passages_of_event, passages_of_result, stored_result
from headrace.console.search.index_store import (
    IndexedSource,
    PendingSource,
    erase_forgotten,
    forgotten_left,
    pending,
    write,
)
from headrace.console.search.result_reader import (
    InvalidResultError,
    ResultMissingError,
    ResultReader,
    ResultsUnavailableError,
)

log = structlog.get_logger("headrace")

BATCH = 200
"""Sources of one transaction."""
MAX_BYTES = 32 * 2**20
"""Bytes of stored results after which a transaction is written."""

Begin = Callable[[], AbstractContextManager[Connection]]
"""Opens a transaction that is committed at its end."""


class Indexer:
    """Indexes the sources of one database. `read` and `begin` open a transaction for reading and for writing."""

    def __init__(self, read: Begin, begin: Begin, results: ResultReader | None) -> None:
        """Without `results`, the text of events alone is indexed."""
        self._read, self._begin, self._results = read, begin, results
        self._after = 0

    def step(self) -> int:
        """Index the next sources; return their number, 0 at the end of the queue.

        Sources whose results S3 does not return now stay in the queue; the next pass tries them again.
        """
        with self._read() as connection:
            sources = pending(connection, self._after, BATCH)
            forgotten = not sources and forgotten_left(connection)
        if forgotten:
            with self._begin() as connection:
                erase_forgotten(connection)
        if not sources:
            self._after = 0
            return 0
        indexed: list[IndexedSource] = []
        size = 0
        for source in sources:
            self._after = source.id
            pointer = stored_result(source.event)
            size += pointer.size if pointer else 0
            if (each := self._index(source)) is not None:
                indexed.append(each)
            if size > MAX_BYTES:
                break
        with self._begin() as connection:
            return write(connection, indexed)

    def _index(self, source: PendingSource) -> IndexedSource | None:
        """Return the passages of a source: of its stored result, else of its event; None during an outage."""
        pointer = stored_result(source.event)
        if pointer is None or self._results is None:
            return IndexedSource(source, passages_of_event(source.event), "indexed")
        try:
            return IndexedSource(source, passages_of_result(source.event, self._results.read(pointer)), "indexed")
        except ResultsUnavailableError as error:
            log.warning("result_unavailable", stage_event=source.event.EVENT, reason=str(error))
            return None
        except ResultMissingError as error:
            return IndexedSource(source, passages_of_event(source.event), "missing", str(error))
        except (InvalidResultError, ValueError) as error:
            return IndexedSource(source, passages_of_event(source.event), "invalid", str(error))
