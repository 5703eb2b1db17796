"""Databases with the tables of the views: SQLite, and PostgreSQL where it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

from headrace.console.views.locations import SqliteLocation
from headrace.console.views.tables import METADATA
from tests.support.postgresql import postgresql_server
from tests.unit.console.search.corpus import Corpus


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Engine]:
    """A server for the session, with the tables."""
    with postgresql_server() as url:
        engine = create_engine(url)
        METADATA.create_all(engine)
        yield engine
        engine.dispose()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Corpus]:
    engine = SqliteLocation(tmp_path).create_next()  # in one transaction, so with one fsync
    yield Corpus(engine)
    engine.dispose()


@pytest.fixture
def postgres(postgresql: Engine) -> Corpus:
    with postgresql.begin() as connection:
        for table in reversed(METADATA.sorted_tables):
            connection.execute(table.delete())
    return Corpus(postgresql)


@pytest.fixture(params=["sqlite", "postgres"])
def corpus(request: pytest.FixtureRequest) -> Corpus:
    """An empty corpus on each database."""
    found: Corpus = request.getfixturevalue(request.param)
    return found
