"""The views for pages: they fail at once while the database is known not to answer, instead of after its timeout."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from headrace.console.errors import UnavailableError
from headrace.console.terminal.formatting import format_timestamp
from headrace.console.views.current import NO_VIEWS, CurrentViews
from headrace.console.views.database import Views
from headrace.console.web.background_value import Latest
from headrace.console.web.failures import UNEXPECTED


class PromptViews:
    """Opens the current views. `figures` is a value that a thread reads from them again and again."""

    def __init__(self, current: CurrentViews, figures: Callable[[], Latest[Any]]) -> None:
        self._current = current
        self._figures = figures

    def views(self) -> Views:
        """Return the views. Raises `UnavailableError`."""
        self._check()
        return self._current.views()

    def connect(self) -> AbstractContextManager[Any]:
        """Open a connection. Raises `UnavailableError`."""
        self._check()
        return self._current.connect()

    def _check(self) -> None:
        """Raise the error of the last read, unless it is no outage, or is known at once."""
        latest = self._figures()
        if latest.problem not in ("", UNEXPECTED, NO_VIEWS):
            raise UnavailableError(f"{latest.problem} (since {format_timestamp(latest.since)})")
