"""Run replays in threads of the console, so that a page does not wait for them.

If the console ends, its replays end too: what they sent stays sent, and the same redrive continues from there.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable

import structlog

from headrace.console.explain import describe
from headrace.console.web.failures import UNEXPECTED

log = structlog.get_logger("headrace")
REMEMBERED = 1_000
"""Failures that are remembered, the newest."""


class BackgroundRuns:
    """Replays that this process began, by id. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, threading.Thread] = {}
        self._failures: dict[str, str] = {}

    def start(self, id_: str, work: Callable[[], object]) -> None:
        """Run `work` in a thread, with the user of the current request."""
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(self._run, id_, work), name=f"replay-{id_}", daemon=True)
        with self._lock:
            self._running[id_] = thread
        thread.start()

    def is_running(self, id_: str) -> bool:
        """Whether a replay of this process has not ended."""
        with self._lock:
            return id_ in self._running

    def failure(self, id_: str) -> str:
        """Return why a replay of this process failed; empty if it did not."""
        with self._lock:
            return self._failures.get(id_, "")

    def _run(self, id_: str, work: Callable[[], object]) -> None:
        failure = ""
        try:
            work()
        except Exception as error:  # the page of the replay shows it
            failure = describe(error) or UNEXPECTED
            if failure == UNEXPECTED:
                log.error("replay_failed", replay=id_, exc_info=True)
        finally:
            with self._lock:
                del self._running[id_]
                if failure:
                    self._failures[id_] = failure
                    for oldest in list(self._failures)[:-REMEMBERED]:
                        del self._failures[oldest]
