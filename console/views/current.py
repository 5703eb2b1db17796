"""The current views in a process that runs for long: one pool of connections, also after a rebuild or an outage."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from headrace.console.errors import UnavailableError
from headrace.console.views.database import Views, open_views
from headrace.console.views.locations import Location

NO_VIEWS = "there are no views yet: headrace views run builds them and keeps them up to date"


class CurrentViews:
    """Opens the views when they are needed, and again after they were rebuilt or could not be read."""

    def __init__(self, place: Location) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._views: Views | None = None

    def views(self) -> Views:
        """Return the current views.

        Raises:
            UnavailableError: there are none, or their database does not answer.
            CommandError: they are of another version or cluster.
        """
        with self._lock:
            known = self._views
            if known is not None and self._place.is_current(known.engine):
                return known
            self._forget()
            self._views = open_views(self._place)
            if self._views is None:
                raise UnavailableError(NO_VIEWS)
            return self._views

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Open a connection in a transaction that reads one state of the views."""
        views = self.views()
        try:
            with views.connect() as connection:
                yield connection
        except UnavailableError:
            with self._lock:
                if self._views is views:
                    self._forget()
            raise

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        if self._views is not None:
            self._views.engine.dispose()
            self._views = None
