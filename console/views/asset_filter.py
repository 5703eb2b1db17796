"""Filters of assets, for search and lists. Conditions are for `assets` joined with the row of its newest version."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, exists

from headrace.console.views.asset_tables import assets, stage_states, versions
from headrace.console.views.stored_text import to_stored

LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class SearchScope:
    """Which assets to return. Times are in seconds since 1970; `until` is exclusive. Empty fields do not filter."""

    bucket: str = ""
    prefix: str = ""
    kind: str = ""
    state: str = ""
    since: float | None = None
    until: float | None = None
    has: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


NEWEST = and_(
    versions.c.asset_id == assets.c.id,
    versions.c.sequencer_order == assets.c.newest_order,
    versions.c.version == assets.c.newest_version,
)
"""Joins an asset with its newest version."""


def conditions(wanted: SearchScope) -> list[ColumnElement[bool]]:
    """Return the conditions of a filter."""
    found: list[ColumnElement[bool]] = []
    if wanted.bucket:
        found.append(assets.c.bucket == to_stored(wanted.bucket))
    if wanted.prefix:
        first = to_stored(wanted.prefix)
        found += [assets.c.key >= first, assets.c.key < first + LAST_CHARACTER]
    if wanted.kind:
        found.append(assets.c.kind == wanted.kind)
    if wanted.state:
        found.append(assets.c.state == wanted.state)
    if wanted.since is not None:
        found.append(assets.c.uploaded_at >= wanted.since)
    if wanted.until is not None:
        found.append(assets.c.uploaded_at < wanted.until)
    found += [_stage(name, "done") for name in wanted.has]
    found += [~_stage(name, "done") for name in wanted.missing]
    found += [_stage(name, "dead-lettered") for name in wanted.failed]
    return found


def _stage(name: str, status: str) -> ColumnElement[bool]:
    state = stage_states.c
    return exists().where(state.version_id == versions.c.id, state.stage == name, state.status == status)
