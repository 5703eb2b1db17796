"""The services of state machines, opened when the first page needs them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

from headrace.console.machines.port import MachineServices

RETRY_SECONDS = 5.0


class MachineConnection:
    """Opens the services once, and keeps them. After an error, they are opened again after 5 s at the earliest."""

    def __init__(
        self,
        open_services: Callable[[], AbstractContextManager[MachineServices]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open = open_services
        self._clock = clock
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._services: MachineServices | None = None
        self._error: Exception | None = None
        self._retry_at = 0.0

    def services(self) -> MachineServices:
        """Return the services. Thread-safe.

        Raises:
            MachineTopicsMissingError: Kafka lacks the topics of state machines.
            Exception: Kafka cannot be reached, or a setting is invalid.
        """
        with self._lock:
            if self._services is not None:
                return self._services
            if self._error is not None and self._clock() < self._retry_at:
                raise self._error
            try:
                self._services = self._stack.enter_context(self._open())
            except Exception as error:
                self._error, self._retry_at = error, self._clock() + RETRY_SECONDS
                raise
            return self._services

    def close(self) -> None:
        """Close the services."""
        with self._lock:
            self._services = None
            self._stack.close()
