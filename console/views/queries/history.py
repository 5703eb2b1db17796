"""The history of assets in the views: the same objects that the fold of the log builds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, Table, select

from headrace.console.assets.asset_event import AssetEvent, asset_event
from headrace.console.assets.projection import AssetProjection, AssetVersion
from headrace.console.kafka.entry import LogEntry, read_envelope
from headrace.console.views.queries import joins, people
from headrace.console.views.queries.arguments import stored_argument
from headrace.console.views.queries.letters import as_record
from headrace.console.views.rows import FactRow, event_of
from headrace.console.views.stored_text import from_stored, to_stored
from headrace.console.views.tables import assets, completions, dead_letters, jobs, removals, timeline, versions
from headrace.schemas.records import Asset, PeopleRecognised

Connect = Callable[[], AbstractContextManager[Connection]]
"""Opens a connection for some queries."""


class ViewAssets:
    """Reads histories of assets from the views, on every call."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    def progress(self, asset: str) -> ViewAssets:
        """Return this object: nothing is read in advance."""
        return self

    def asset_of_job(self, token: str) -> str | None:
        """Return the asset of a job, `bucket/key`; None if its start is not known."""
        statement = (
            select(assets.c.bucket, assets.c.key).select_from(joins.JOBS).where(jobs.c.token == stored_argument(token))
        )
        with self._connect() as connection:
            row = connection.execute(statement).one_or_none()
        return _name(row) if row else None

    def find(self, name: str) -> list[str]:
        """List the assets that match `bucket/key`, `s3://bucket/key` or the key alone, in order."""
        wanted = stored_argument(name.removeprefix("s3://"))
        columns = assets.c.bucket, assets.c.key
        has_versions = assets.c.versions > 0  # else the log has only the removal of a version
        unreadable = select(dead_letters.c.asset).where(*_unreadable(wanted)).limit(1)
        with self._connect() as connection:
            if connection.execute(select(*columns).where(*_named(wanted), has_versions)).first():
                return [from_stored(wanted)]
            if connection.execute(unreadable).first():
                return [from_stored(wanted)]
            alike = select(*columns).where(assets.c.key == wanted, has_versions)
            return [_name(row) for row in connection.execute(alike.order_by(assets.c.bucket))]

    def versions(self, asset: str) -> list[AssetVersion]:
        """List the versions of an asset, oldest first."""
        with self._connect() as connection:
            return _history(connection, stored_argument(asset), newest=False).versions(asset)

    def newest_version(self, asset: str) -> AssetVersion | None:
        """Return the newest version of an asset."""
        with self._connect() as connection:
            return _history(connection, stored_argument(asset), newest=True).newest_version(asset)

    def unreadable_letters(self, asset: str) -> list[AssetEvent]:
        """List the unparseable dead letters with an asset's key, oldest first; their version is not known."""
        history = AssetProjection()
        with self._connect() as connection:
            for row in connection.execute(select(dead_letters).where(*_unreadable(stored_argument(asset)))):
                record = as_record(row)
                fact = asset_event(LogEntry(record, read_envelope(record)), {})
                history.add_unreadable(asset, row.id, replace(fact, deliveries=row.records))
        return history.unreadable_letters(asset)


def _history(connection: Connection, asset: str, newest: bool) -> AssetProjection:
    """Read one asset; with `newest`, only its newest version."""
    history = AssetProjection()
    wanted = _named(asset)
    if newest:
        order, version = assets.c.newest_order, assets.c.newest_version
        wanted = [*wanted, versions.c.sequencer_order == order, versions.c.version == version]
    found = select(assets.c.bucket, assets.c.key, versions).select_from(joins.VERSIONS).where(*wanted)
    known = {row.id: _asset(row) for row in connection.execute(found)}
    for table, source in ((timeline, joins.TIMELINE), (completions, joins.COMPLETIONS)):
        events = select(versions.c.id, table.c.identity, *_facts(table)).select_from(source).where(*wanted)
        for version, identity, *values in connection.execute(events):
            fact = _with_names(connection, version, event_of(FactRow(*values)))
            history.add(known[version], (str(identity), fact.place.partition("/")[0]), fact)
    _add_removals(connection, history, known.values(), asset)
    return history


def _with_names(connection: Connection, version: int, fact: AssetEvent) -> AssetEvent:
    """Put the names of people into the summary of a result with faces."""
    if fact.name != PeopleRecognised.EVENT or not fact.is_event:
        return fact
    faces = people.faces_of_versions(connection, [version]).get(version, [])
    return replace(fact, summary=people.describe_people(connection, faces) or fact.summary)


def _add_removals(connection: Connection, history: AssetProjection, known: Iterable[Asset], asset: str) -> None:
    """Add the removals of single versions."""
    removed = select(removals.c.version, *_facts(removals)).select_from(joins.REMOVALS).where(*_named(asset))
    facts = {version: event_of(FactRow(*values), of_version=True) for version, *values in connection.execute(removed)}
    for each in known:
        fact = facts.get(to_stored(each.version))
        if fact is not None:
            history.add(each, ("removal",), fact)


def _facts(table: Table) -> list[ColumnElement[Any]]:
    return [table.c[name] for name in FactRow._fields]


def _named(asset: str) -> list[ColumnElement[bool]]:
    """Return the conditions for `bucket/key`."""
    bucket, _, key = asset.partition("/")
    return [assets.c.bucket == bucket, assets.c.key == key]


def _unreadable(asset: str) -> list[ColumnElement[bool]]:
    return [dead_letters.c.asset == asset, ~dead_letters.c.readable]


def _name(row: Any) -> str:
    return from_stored(f"{row.bucket}/{row.key}")


def _asset(row: Any) -> Asset:
    return Asset(
        bucket=from_stored(row.bucket),
        key=from_stored(row.key),
        version=from_stored(row.version),
        version_id=row.version_id and from_stored(row.version_id),
        etag=from_stored(row.etag),
        size=row.size,
        sequencer=from_stored(row.sequencer),
    )
