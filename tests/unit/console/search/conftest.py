"""Databases with the tables of the views: SQLite, and PostgreSQL where it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

from headrace.console.views.tables import METADATA
from tests.support.postgresql import postgresql_server
from tests.unit.console.search.corpus import Corpus


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Engine]:
    """A server for the session."""
    with postgresql_server() as url:
        engine = create_engine(url)
        yield engine
        engine.dispose()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Corpus]:
    engine = create_engine(f"sqlite:///{tmp_path / 'views.sqlite3'}")
    METADATA.create_all(engine)
    yield Corpus(engine)
    engine.dispose()


@pytest.fixture
def postgres(postgresql: Engine) -> Iterator[Corpus]:
    METADATA.create_all(postgresql)
    yield Corpus(postgresql)
    METADATA.drop_all(postgresql)


@pytest.fixture(params=["sqlite", "postgres"])
def corpus(request: pytest.FixtureRequest) -> Corpus:
    """An empty corpus on each database."""
    found: Corpus = request.getfixturevalue(request.param)
    return found
