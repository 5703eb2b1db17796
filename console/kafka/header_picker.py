"""Select a few headers from many records."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter

from headrace.schemas.cloudevents import Header, Headers

_NAME: Callable[[Header], str] = itemgetter(0)
_MISSING: Header = ("", None)


class HeaderPicker:
    """Selects two or more headers. Fast if many records have the same header names in the same order.

    A dictionary of each record's headers would take three times as long.
    """

    def __init__(self, *names: str) -> None:
        self._wanted = names
        self._learn([])

    def pick(self, headers: Headers) -> Headers:
        """Return the last header of each name; a missing one has an empty name and no value."""
        names = list(map(_NAME, headers))
        if names != self._names:
            self._learn(names)
        return self._get(headers if self._has_all else (*headers, _MISSING))

    def _learn(self, names: list[str]) -> None:
        last = {name: place for place, name in enumerate(names)}
        places = [last.get(name, -1) for name in self._wanted]
        self._names = names
        self._has_all = -1 not in places
        self._get: Callable[[Headers], Headers] = itemgetter(*places)
