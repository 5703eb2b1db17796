"""The current views, as commands open them, and how far they are behind the log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from headrace.console.errors import CommandError, UnavailableError
from headrace.console.kafka.log_reader import LogReader
from headrace.console.views.locations import Location, location
from headrace.console.views.outages import reason
from headrace.console.views.settings import ViewsSettings
from headrace.console.views.tables import SCHEMA_NUMBER, offsets, progress, properties
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.settings import load

CAUGHT_UP = "caught_up_at"
CLUSTER = "cluster"
SERVERS = "servers"
SCHEMA = "schema"


class SchemaReplacedError(RuntimeError):
    """Another version of Headrace has built the views anew, with tables of its own."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How far the views are behind the log: unread records, and seconds since the projector had read everything."""

    records: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Views:
    """The current views. `name` is their folder or URL."""

    engine: Engine
    name: str

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Open a connection in a transaction that reads one state of the views.

        Raises:
            UnavailableError: the database cannot be read.
        """
        try:
            with self.engine.connect().execution_options(reader=True) as connection, connection.begin():
                yield connection
        except SQLAlchemyError as error:
            text = f"the views in {self.name}: {reason(error)}. --from-log reads the log itself"
            raise UnavailableError(text) from error

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Open a connection in a transaction that writes.

        Raises:
            UnavailableError: the database cannot be written.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise UnavailableError(f"the views in {self.name} cannot be changed: {reason(error)}") from error

    def lag(self) -> Lag:
        """Return the lag as of the projector's last report."""
        with self.connect() as connection:
            return lag(connection, time.time())


def open_views(place: Location | None = None) -> Views | None:
    """Open the views of the cluster that the environment names; None if none are built.

    Raises:
        UnavailableError: the database cannot be opened.
        CommandError: its views are of another version or cluster.
    """
    place = place or location(load(ViewsSettings))
    try:
        engine = place.current()
        if engine is None:
            return None
        views = Views(engine, place.name)
        with views.connect() as connection:
            known = read_properties(connection)
    except SQLAlchemyError as error:
        raise UnavailableError(f"the views in {place.name} cannot be opened: {reason(error)}") from error
    if known.get(SCHEMA) != str(SCHEMA_NUMBER):
        raise CommandError(
            f"the views in {place.name} have schema {known.get(SCHEMA, '?')}, and this version of Headrace has schema"
            f" {SCHEMA_NUMBER}: headrace views run builds them anew, and --from-log reads the log itself"
        )
    check_cluster(known, load(KafkaSettings), place.name)
    return views


def check_schema(connection: Connection) -> None:
    """Check in a transaction that the tables are of this version: rows of two folds must not mix.

    Raises:
        SchemaReplacedError: they are of another version.
    """
    known = connection.execute(select(properties.c.value).where(properties.c.name == SCHEMA)).scalar()
    if known not in (None, str(SCHEMA_NUMBER)):
        raise SchemaReplacedError(known)


def check_cluster(known: dict[str, str], settings: KafkaSettings, name: str) -> None:
    """Check that views are of the cluster that the environment names.

    Raises:
        CommandError: they are of another one.
    """
    if known.get(SERVERS) == settings.bootstrap_servers:
        return  # the usual case, without a request
    if known.get(CLUSTER) != LogReader(settings).cluster_id():
        raise CommandError(
            f"the views in {name} are of the cluster at {known.get(SERVERS)}, not of {settings.bootstrap_servers}:"
            " set HEADRACE_VIEWS to other ones, or use --from-log"
        )


def lag(connection: Connection, now: float) -> Lag:
    """Return the lag of the views."""
    behind = select(func.coalesce(func.sum(offsets.c.end - offsets.c.next), 0))
    caught_up = select(progress.c.value).where(progress.c.name == CAUGHT_UP)
    at = connection.execute(caught_up).scalar()
    records = int(connection.execute(behind).scalar() or 0)
    return Lag(records, max(0.0, now - at) if at is not None else float("inf"))


def read_properties(connection: Connection) -> dict[str, str]:
    """Read the properties of the views."""
    return {row.name: row.value for row in connection.execute(select(properties))}
