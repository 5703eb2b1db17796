"""Where the views are: their current database, and the one that is built beside it and swapped in.

SQLite has one file per build in a folder; the link `views.sqlite3` names the current one. PostgreSQL has the schema
`headrace_views`, and `headrace_views_next` while new tables are built. Both swap atomically.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError

from headrace.console.errors import CommandError
from headrace.console.views.settings import POSTGRESQL, ViewsSettings
from headrace.console.views.tables import METADATA

LINK = "views.sqlite3"
_FILE = re.compile(r"views-[0-9]{1,18}\.sqlite3")
SCHEMA = "headrace_views"
NEXT_SCHEMA = "headrace_views_next"
BUSY_SECONDS = 30.0
"""Seconds that a statement waits for a lock of another process."""

_PRAGMAS = (
    "page_size=8192",
    "journal_mode=WAL",
    "wal_autocheckpoint=4000",
    "synchronous=NORMAL",
    "cache_size=-65536",
    "temp_store=MEMORY",
)


class Location(Protocol):
    """A place for views."""

    name: str
    """How messages name it, without a password."""

    def current(self) -> Engine | None:
        """Open the current database; None if there is none."""
        ...

    def is_current(self, engine: Engine) -> bool:
        """Whether a database is still the current one."""
        ...

    def create_next(self) -> Engine:
        """Create empty tables beside the current ones. Unfinished earlier ones are deleted."""
        ...

    def swap(self, engine: Engine) -> None:
        """Make the next database the current one, and delete the one before. Closes `engine`."""
        ...

    def drop(self) -> bool:
        """Delete all views. Returns whether there were any."""
        ...

    def lock(self, purpose: str) -> Any:
        """Return a context in which no other projector runs, if only one may.

        Raises:
            CommandError: another one runs.
        """
        ...


def location(settings: ViewsSettings) -> Location:
    """Return the location that the settings name.

    Raises:
        CommandError: it is no valid URL, or psycopg is missing.
    """
    if settings.views.startswith(POSTGRESQL):
        return PostgresqlLocation(settings.views)
    if "://" in settings.views and not settings.views.startswith("sqlite:///"):
        raise CommandError(f"HEADRACE_VIEWS must begin with {POSTGRESQL}, or be a folder")
    return SqliteLocation(settings.folder)


class SqliteLocation:
    """A folder with one SQLite file per build."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.name = str(folder)

    def current(self) -> Engine | None:
        """Open the file that the link names."""
        link = self._folder / LINK
        return _sqlite(link.resolve()) if link.exists() else None

    def is_current(self, engine: Engine) -> bool:
        """Whether the link names the file, and it exists."""
        link = self._folder / LINK
        return str(link.resolve()) == engine.url.database and link.exists()

    def create_next(self) -> Engine:
        """Create a new file."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        current = (self._folder / LINK).resolve()
        for stale in self._files():
            if stale != current:
                _remove(stale)
        # A process may still have a file open that was deleted: its number is not used again.
        used = [file for file in (current, *self._files()) if _FILE.fullmatch(file.name)]
        number = 1 + max((int(file.stem.removeprefix("views-")) for file in used), default=0)
        path = self._folder / f"views-{number}.sqlite3"
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        engine = _sqlite(path)
        METADATA.create_all(engine)
        return engine

    def swap(self, engine: Engine) -> None:
        """Point the link to the new file."""
        before = (self._folder / LINK).resolve()
        new = Path(engine.url.database or "")
        temporary = self._folder / f"{LINK}.new"
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(new.name)
        temporary.replace(self._folder / LINK)
        if before != new and before.name != LINK:
            _remove(before)

    def drop(self) -> bool:
        """Delete the link and every file."""
        files = self._files()
        (self._folder / LINK).unlink(missing_ok=True)
        for file in files:
            _remove(file)
        return bool(files)

    @contextmanager
    def lock(self, purpose: str) -> Iterator[None]:
        """Hold a lock file: SQLite has one writer."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder / f"{purpose}.lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                other = file.read().strip() or "another process"
                raise CommandError(
                    f"{other} writes the views in {self.name}, and SQLite has one writer: stop it first,"
                    f" or set HEADRACE_VIEWS={POSTGRESQL}... for several projectors"
                ) from None
            file.truncate(0)
            file.write(f"process {os.getpid()}")
            file.flush()
            yield

    def _files(self) -> list[Path]:
        return [file.resolve() for file in self._folder.glob("views-*.sqlite3") if _FILE.fullmatch(file.name)]


class PostgresqlLocation:
    """A database of PostgreSQL."""

    def __init__(self, url: str) -> None:
        try:
            self._url = make_url(url)
        except ArgumentError:
            raise CommandError("HEADRACE_VIEWS is no valid URL of a database") from None
        self.name = self._url.render_as_string(hide_password=True)

    def current(self) -> Engine | None:
        """Open the schema, if it exists."""
        engine = self._engine(SCHEMA)
        return engine if inspect(engine).has_table("offsets", schema=SCHEMA) else None

    def is_current(self, engine: Engine) -> bool:
        """Whether the engine is of the schema: a swap changes what its name means."""
        return True

    def create_next(self) -> Engine:
        """Create the schema `headrace_views_next`."""
        with self._engine(SCHEMA).begin() as connection:
            connection.execute(text(f"DROP SCHEMA IF EXISTS {NEXT_SCHEMA} CASCADE"))
            connection.execute(text(f"CREATE SCHEMA {NEXT_SCHEMA}"))
        engine = self._engine(NEXT_SCHEMA)
        METADATA.create_all(engine)
        return engine

    def swap(self, engine: Engine) -> None:
        """Rename both schemas in one transaction."""
        engine.dispose()
        with self._engine(SCHEMA).begin() as connection:
            connection.execute(text(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE"))
            connection.execute(text(f"ALTER SCHEMA {NEXT_SCHEMA} RENAME TO {SCHEMA}"))

    def drop(self) -> bool:
        """Drop both schemas."""
        existed = self.current() is not None
        with self._engine(SCHEMA).begin() as connection:
            connection.execute(text(f"DROP SCHEMA IF EXISTS {NEXT_SCHEMA} CASCADE"))
            connection.execute(text(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE"))
        return existed

    @contextmanager
    def lock(self, purpose: str) -> Iterator[None]:
        """Lock nothing: several projectors share the partitions."""
        yield

    def _engine(self, schema: str) -> Engine:
        try:
            options = {"options": f"-csearch_path={schema}", "connect_timeout": 10}
            return create_engine(self._url, connect_args=options, pool_pre_ping=True)
        except ModuleNotFoundError:
            raise CommandError("PostgreSQL needs psycopg: pip install 'headrace[postgres]'") from None


def _sqlite(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions are begun by `_begin`
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Any) -> None:
    """Begin a transaction. A writer locks at once: a lock that is taken later cannot wait for another writer."""
    mode = "" if connection.get_execution_options().get("reader") else " IMMEDIATE"
    connection.exec_driver_sql(f"BEGIN{mode}")


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).unlink()
