"""Pages of assets in the views, by filters, in the order of bucket and key."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, select, tuple_

from headrace.console.assets.asset_event import VersionStatus, usd_of
from headrace.console.errors import CommandError
from headrace.console.terminal.formatting import format_timestamp
from headrace.console.views.queries import joins
from headrace.console.views.queries.arguments import stored_argument
from headrace.console.views.stored_text import from_stored
from headrace.console.views.tables import assets, stage_states, versions
from headrace.schemas.parsing import parse_struct

ListedState = Literal["processing", "completed", "deleted"]
ListedKind = Literal["image", "video", "audio", "other"]

_GREATEST = "\U0010ffff"
"""A character after which no other sorts."""


@dataclass(frozen=True, slots=True)
class AssetFilter:
    """Criteria for the newest versions of assets; None matches everything.

    `since` and `until` bound the time of the upload in seconds since 1970, both inclusive. `has`, `missing` and
    `failed` name stages with, without, and with a dead letter instead of a result.
    """

    bucket: str | None = None
    prefix: str | None = None
    kind: ListedKind | None = None
    state: ListedState | None = None
    has: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    since: float | None = None
    until: float | None = None


@dataclass(frozen=True, slots=True)
class ListedAsset:
    """An asset with the state of its newest version. Times are in seconds since 1970, the cost is of all versions."""

    bucket: str
    key: str
    version: str
    state: ListedState
    kind: str | None
    size: int
    uploaded_at: float | None
    completed_at: float | None
    versions: int
    usd_nanos: int
    stages: dict[str, VersionStatus] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the asset, `bucket/key`."""
        return f"{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True)
class AssetPage:
    """Some assets in order. `next` is the token of the page after it; None on the last page."""

    assets: tuple[ListedAsset, ...]
    next: str | None


def page(connection: Connection, query: AssetFilter, limit: int, after: str | None = None) -> AssetPage:
    """Return the assets after a token, at most `limit`. An asset that is added meanwhile never repeats another.

    Raises:
        CommandError: the token is invalid.
    """
    statement = _newest_versions().where(*_conditions(query))
    if after is not None:
        bucket, key = map(stored_argument, read_token(after))
        statement = statement.where(tuple_(assets.c.bucket, assets.c.key) > tuple_(bucket, key))
    rows = connection.execute(statement.order_by(assets.c.bucket, assets.c.key).limit(limit + 1)).all()
    listed = _with_stages(connection, rows[:limit])
    return AssetPage(listed, token(listed[-1]) if len(rows) > limit else None)


def one(connection: Connection, name: str) -> ListedAsset | None:
    """Return one asset, named `bucket/key`."""
    bucket, _, key = stored_argument(name).partition("/")
    statement = _newest_versions().where(assets.c.bucket == bucket, assets.c.key == key)
    return next(iter(_with_stages(connection, connection.execute(statement).all())), None)


def named(connection: Connection, names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], ListedAsset]:
    """Return assets by bucket and key, at most as many as a page has; unknown ones are left out."""
    stored = [(stored_argument(bucket), stored_argument(key)) for bucket, key in names]
    statement = _newest_versions().where(tuple_(assets.c.bucket, assets.c.key).in_(stored))
    listed = _with_stages(connection, connection.execute(statement).all() if stored else ())
    return {(each.bucket, each.key): each for each in listed}


def listed_json(asset: ListedAsset) -> dict[str, Any]:
    """Convert an asset of a list to JSON data."""
    return {
        "asset": asset.name,
        "version": asset.version,
        "versions": asset.versions,
        "state": asset.state,
        "kind": asset.kind,
        "size": asset.size,
        "uploaded_at": format_timestamp(asset.uploaded_at),
        "completed_at": format_timestamp(asset.completed_at),
        "usd": usd_of(asset.usd_nanos),
        "stages": asset.stages,
    }


def token(after: ListedAsset) -> str:
    """Return the token of the page after an asset."""
    return base64.urlsafe_b64encode(msgspec.json.encode((after.bucket, after.key))).decode()


def read_token(text: str) -> tuple[str, str]:
    """Return the bucket and the key of a token.

    Raises:
        CommandError: it is no token.
    """
    try:
        return parse_struct(base64.urlsafe_b64decode(text), tuple[str, str])
    except ValueError:
        raise CommandError(f"--after {text}: give the token that the page before it printed") from None


def _newest_versions() -> Select[Any]:
    return select(assets, versions.c.id.label("newest_id")).select_from(joins.NEWEST)


def _conditions(query: AssetFilter) -> list[ColumnElement[bool]]:
    columns = assets.c
    conditions = []
    if query.bucket is not None:
        conditions.append(columns.bucket == stored_argument(query.bucket))
    if query.prefix:
        start = stored_argument(query.prefix)
        conditions += [columns.key >= start, columns.key < start + _GREATEST]
    if query.kind is not None:
        conditions.append(columns.kind == query.kind)
    if query.state is not None:
        conditions.append(columns.state == query.state)
    if query.since is not None:
        conditions.append(columns.uploaded_at >= query.since)
    if query.until is not None:
        conditions.append(columns.uploaded_at <= query.until)
    conditions += [_done(stage) for stage in query.has]
    conditions += [~_done(stage) for stage in query.missing]
    return conditions + [versions.c.id.in_(_failed(stage)) for stage in query.failed]


def _done(stage: str) -> ColumnElement[bool]:
    columns = stage_states.c
    own = columns.version_id == versions.c.id, columns.stage == stored_argument(stage), columns.status == "done"
    return select(1).select_from(stage_states).where(*own).exists()


def _failed(stage: str) -> Select[tuple[int]]:
    """Return the versions that failed in a stage. The second condition lets SQLite use the index of what is open."""
    columns = stage_states.c
    failed = columns.status == "dead-lettered", columns.status != "done", columns.stage == stored_argument(stage)
    return select(columns.version_id).where(*failed)


def _with_stages(connection: Connection, rows: Iterable[Any]) -> tuple[ListedAsset, ...]:
    """Convert rows, and add the status of each stage."""
    newest = {row.newest_id: row for row in rows}
    stages: dict[int, dict[str, VersionStatus]] = {id_: {} for id_ in newest}
    columns = stage_states.c
    wanted = select(columns.version_id, columns.stage, columns.status).where(columns.version_id.in_(newest))
    status: VersionStatus
    for id_, stage, status in connection.execute(wanted.order_by(columns.version_id, columns.stage)):
        stages[id_][from_stored(stage)] = status
    return tuple(_listed(row, stages[id_]) for id_, row in newest.items())


def _listed(row: Any, stages: dict[str, VersionStatus]) -> ListedAsset:
    return ListedAsset(
        from_stored(row.bucket),
        from_stored(row.key),
        from_stored(row.newest_version),
        row.state,
        row.kind,
        row.size,
        row.uploaded_at,
        row.completed_at,
        row.versions,
        row.usd_nanos,
        stages,
    )
