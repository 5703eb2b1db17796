"""The assets of a bucket in the views, in the order of their keys, for a comparison with the bucket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select

from headrace.console.views.queries import joins
from headrace.console.views.queries.arguments import stored_argument
from headrace.console.views.queries.history import Connect
from headrace.console.views.stored_text import from_stored
from headrace.console.views.tables import assets, removals, versions

CHUNK = 1000
"""Assets per query, as many as S3 lists per response."""

_GREATEST = "\U0010ffff"
"""A character after which no other sorts."""


@dataclass(frozen=True, slots=True)
class NewestVersion:
    """An asset with its newest version, and the state of that version."""

    id: int
    key: str
    version: str
    sequencer: str
    state: str


def newest_versions(connect: Connect, bucket: str, prefix: str) -> Iterator[NewestVersion]:
    """Yield the assets of a bucket below a prefix. Each chunk is a query of its own: the projector writes meanwhile."""
    columns = assets.c.id, assets.c.key, assets.c.newest_version, versions.c.sequencer, assets.c.state
    start = stored_argument(prefix)
    wanted = select(*columns).select_from(joins.NEWEST).where(assets.c.bucket == stored_argument(bucket))
    wanted = wanted.where(assets.c.key >= start, assets.c.key < start + _GREATEST).order_by(assets.c.key).limit(CHUNK)
    after = None
    while True:
        chunk = wanted if after is None else wanted.where(assets.c.key > after)
        with connect() as connection:
            rows = connection.execute(chunk).all()
        for id_, key, version, sequencer, state in rows:
            yield NewestVersion(id_, from_stored(key), from_stored(version), from_stored(sequencer), state)
        if len(rows) < CHUNK:
            return
        after = rows[-1].key


def has_version(connect: Connect, asset: int, version: str) -> bool:
    """Whether an asset has a version that was not removed."""
    stored = stored_argument(version)
    known = select(versions.c.id).where(
        versions.c.asset_id == asset, versions.c.version == stored, versions.c.deleted_at.is_(None)
    )
    removed = select(removals.c.version).where(removals.c.asset_id == asset, removals.c.version == stored)
    with connect() as connection:
        return connection.execute(known.where(~removed.exists())).first() is not None
