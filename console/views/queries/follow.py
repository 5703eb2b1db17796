"""Follow changes of assets in the views."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, func, select

from headrace.console.assets.read_service import AssetUpdate
from headrace.console.views.queries.history import Connect, ViewAssets
from headrace.console.views.stored_text import from_stored
from headrace.console.views.tables import assets

POLL_SECONDS = 0.5
OVERLAP_SECONDS = 10.0
"""Assets that changed this long before the last one are read again: several projectors commit in any order."""
CHUNK = 500


@dataclass(slots=True)
class ViewFollower:
    """Yields the newest assets, then each change.

    `wanted` selects assets, and `limit` is the maximum number at the start.
    """

    connect: Connect
    wanted: Callable[[str], bool]
    limit: int
    sleep: Callable[[float], None] = time.sleep
    _changed_at: dict[str, float] = field(default_factory=dict)
    _last: float = 0.0

    def follow(self) -> Iterator[AssetUpdate]:
        """Yield updates without end; an empty one while nothing changes."""
        history = ViewAssets(self.connect)
        yield AssetUpdate(history, self._newest(), caught_up=True)
        while True:
            self.sleep(POLL_SECONDS)
            yield AssetUpdate(history, self._changed(), caught_up=True)

    def _newest(self) -> tuple[str, ...]:
        """Return the assets that changed last, the newest last."""
        newest_first = _assets().order_by(assets.c.updated.desc(), assets.c.id.desc())
        names: list[str] = []
        with self.connect() as connection:
            self._last = connection.execute(select(func.max(assets.c.updated))).scalar() or 0.0
            self._changed_at = self._recent(connection)
            for row in connection.execute(newest_first.execution_options(yield_per=CHUNK)):
                name = from_stored(f"{row.bucket}/{row.key}")
                names += [name] if self.wanted(name) else []
                if len(names) == self.limit:
                    break
        return tuple(reversed(names))

    def _changed(self) -> tuple[str, ...]:
        """Return the assets that changed since the last call, the newest last."""
        known = self._changed_at
        with self.connect() as connection:
            self._changed_at = self._recent(connection)
        self._last = max(self._changed_at.values(), default=self._last)
        return tuple(name for name, updated in self._changed_at.items() if known.get(name) != updated)

    def _recent(self, connection: Connection) -> dict[str, float]:
        """Return the time of change of the wanted assets that changed lately."""
        recent = _assets().where(assets.c.updated >= self._last - OVERLAP_SECONDS)
        rows = connection.execute(recent.order_by(assets.c.updated, assets.c.id))
        names = ((from_stored(f"{row.bucket}/{row.key}"), row.updated) for row in rows)
        return {name: updated for name, updated in names if self.wanted(name)}


def _assets() -> Select[Any]:
    return select(assets.c.bucket, assets.c.key, assets.c.updated).where(assets.c.versions > 0)
