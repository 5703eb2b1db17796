"""Log the errors of aiokafka as one outage.

Each client of aiokafka logs several errors a second while no broker answers, and a worker has a client per stage.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import structlog

from headrace.schemas.runtime.outage_log import OutageLog

QUIET_SECONDS = 10.0
"""Seconds without an error after which an answer of a broker ends the outage."""

log = structlog.get_logger("headrace")


class ClientLog(logging.Handler):
    """Logs the first error of an outage as `dependency_unavailable`, and the others at debug level."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(logging.ERROR)
        self._clock = clock
        self._outage = OutageLog(dependency="Kafka")
        self._first = ""
        self._last = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Log an error of aiokafka."""
        message = record.getMessage()
        log.debug("kafka_client_error", logger=record.name, reason=message)
        self._last = self._clock()
        self._first = self._first or message
        self._outage.down(self._first)

    def answered(self) -> None:
        """Note that a broker has answered some client."""
        if self._first and self._clock() - self._last > QUIET_SECONDS:
            self._first = ""
            self._outage.recovered()


def install() -> None:
    """Log the errors of all clients of aiokafka in this process as one outage."""
    library = logging.getLogger("aiokafka")
    if not any(isinstance(handler, ClientLog) for handler in library.handlers):
        library.addHandler(ClientLog())
        library.propagate = False


def answered() -> None:
    """Note that a broker has answered some client of this process."""
    for handler in logging.getLogger("aiokafka").handlers:
        if isinstance(handler, ClientLog):
            handler.answered()
