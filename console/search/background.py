"""Index queued text beside the projector."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from headrace.connectors.aws.client import AwsSession
from headrace.console.search.index_store import count_pending
from headrace.console.search.indexer import Indexer
from headrace.console.search.result_reader import ResultReader, S3Results

IDLE_SECONDS = 0.5
"""Wait at the end of the queue."""
ERROR_SECONDS = 5.0
JOIN_SECONDS = 30.0
LONGEST_REASON = 300

log = structlog.get_logger("headrace")


class ViewsPlace(Protocol):
    """Where the views are. A rebuild makes another database the current one."""

    def current(self) -> Engine | None:
        """Open the current database; None if there is none."""
        ...

    def is_current(self, engine: Engine) -> bool:
        """Return whether a database is still the current one."""
        ...


@contextmanager
def indexing(place: ViewsPlace, results: ResultReader | None = None) -> Iterator[None]:
    """Index the current views in a thread during the block. `results` are those in S3 by default."""
    stop = threading.Event()
    reader = results or S3Results(AwsSession())
    thread = threading.Thread(target=_run, args=(place, reader, stop), name="text-indexer", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(JOIN_SECONDS)


def queued(engine: Engine) -> int:
    """Return the number of sources that wait for their text."""
    with engine.connect() as connection:
        return count_pending(connection)


def index_all(engine: Engine, on_step: Callable[[int], None], results: ResultReader | None = None) -> None:
    """Index everything that is queued; call `on_step` with the number of sources of each step."""
    indexer = Indexer(engine.connect, engine.begin, results or S3Results(AwsSession()))
    while count := indexer.step():
        on_step(count)


def _run(place: ViewsPlace, results: ResultReader, stop: threading.Event) -> None:
    """Index until `stop`. An error of the database, such as a lock or an outage, is logged and tried again."""
    engine: Engine | None = None
    indexer: Indexer | None = None
    while not stop.is_set():
        count = 0
        try:
            if engine is None or not place.is_current(engine):
                if engine is not None:
                    engine.dispose()
                engine = place.current()
                indexer = Indexer(engine.connect, engine.begin, results) if engine else None
            count = indexer.step() if indexer else 0
        except SQLAlchemyError as error:
            log.warning("text_index_unavailable", reason=" ".join(str(error).split())[:LONGEST_REASON])
            stop.wait(ERROR_SECONDS)
        except Exception as error:  # a thread that ends here would end unnoticed
            log.error("text_index_failed", reason=f"{type(error).__name__}: {error}"[:LONGEST_REASON])
            stop.wait(ERROR_SECONDS)
        if not count:
            stop.wait(IDLE_SECONDS)
    if engine is not None:
        engine.dispose()
