"""Wait while the database of the views or Kafka is not available: an outage ends no projector."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from confluent_kafka import KafkaException
from sqlalchemy.exc import DatabaseError, InterfaceError, InternalError, OperationalError, SQLAlchemyError

from headrace.console.kafka.log_reader import describe_error
from headrace.schemas.runtime.backoff import backoff_seconds
from headrace.schemas.runtime.outage_log import OutageLog

RETRY_SECONDS = 0.5
MAX_RETRY_SECONDS = 10.0
READ_ONLY = "25006"
"""The SQLSTATE of a PostgreSQL server that became a standby."""

T = TypeVar("T")
Sleep = Callable[[float], None]


def is_database_outage(error: SQLAlchemyError) -> bool:
    """Whether a database is down, locked, full or read-only, and may be used again later."""
    if isinstance(error, InternalError):
        return getattr(error.orig, "sqlstate", None) == READ_ONLY
    return isinstance(error, OperationalError | InterfaceError)


def reason(error: SQLAlchemyError | KafkaException) -> str:
    """Describe an error of the database or of Kafka in one line."""
    cause = error.orig if isinstance(error, DatabaseError | InterfaceError) else error
    return describe_error(error) or " ".join(str(cause).split())


class OutageWait:
    """Repeats an action during outages, with growing waits. Each outage is logged once."""

    def __init__(self, log: OutageLog, sleep: Sleep = time.sleep) -> None:
        self._log = log
        self._sleep = sleep

    def until_available(self, action: Callable[[], T], between: Callable[[], object] = lambda: None) -> T:
        """Return the result of an action. `between` is called after each failure.

        Raises:
            SQLAlchemyError: the database has an error that waiting does not end.
        """
        failures = 0
        while True:
            try:
                result = action()
            except (SQLAlchemyError, KafkaException) as error:
                if isinstance(error, SQLAlchemyError) and not is_database_outage(error):
                    raise
                failures += 1
                self._log.down(reason(error))
                between()
                self._sleep(backoff_seconds(failures, RETRY_SECONDS, MAX_RETRY_SECONDS))
            else:
                self._log.recovered()
                return result
