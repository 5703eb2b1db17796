"""The same tables on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from threading import Thread

import pytest
from sqlalchemy import Engine

from headrace.console.kafka.entry import open_record
from headrace.console.views.fold import Fold
from headrace.console.views.locations import PostgresqlLocation
from headrace.console.views.projector import Projector
from tests.support.postgresql import postgresql_server
from tests.support.records import CODEC
from tests.unit.console.views.history import log_of
from tests.unit.console.views.test_apply import HOSTILE
from tests.unit.console.views.test_projector import LogInMemory, in_memory, project, rows

LOG = log_of(HOSTILE, 7)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgresql_server() as url:
        yield url


@pytest.fixture
def location(url: str) -> PostgresqlLocation:
    """Return a place with empty views."""
    place = PostgresqlLocation(url)
    place.drop()
    place.swap(place.create_next())
    return place


@pytest.fixture
def engine(location: PostgresqlLocation) -> Iterator[Engine]:
    engine = location.current()
    assert engine is not None
    yield engine
    engine.dispose()


def test_postgresql_has_the_rows_of_the_fold_in_memory(engine: Engine) -> None:
    project(engine, LOG, 5)

    assert rows(engine) == in_memory(LOG)


def test_projectors_that_share_partitions_lose_and_repeat_nothing(engine: Engine) -> None:
    places = sorted(LOG)
    Random(1).shuffle(places)
    shares = [{place: LOG[place] for place in places[number::3]} for number in range(3)]
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            project(engine, shares[number], number)
        except BaseException as error:
            failures.append(error)

    threads = [Thread(target=run, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    assert failures == []
    assert rows(engine) == in_memory(LOG)


def test_new_views_are_swapped_in_and_a_projector_continues_with_them(
    location: PostgresqlLocation, engine: Engine
) -> None:
    running = Projector(engine, LogInMemory(LOG, engine, 1), lambda record: open_record(record, CODEC), Fold({}))
    running.step()
    new = location.create_next()
    project(new, {place: found[:1] for place, found in LOG.items()}, 2)
    location.swap(new)
    while running.step() or not running.caught_up:
        pass

    assert rows(engine) == in_memory(LOG)
    assert location.drop()
    assert location.current() is None


def test_restart_of_the_server_ends_no_projector(engine: Engine) -> None:
    waits: list[float] = []
    running = Projector(
        engine, LogInMemory(LOG, engine, 1), lambda record: open_record(record, CODEC), Fold({}), sleep=waits.append
    )
    running.step()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        others = "pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
        connection.exec_driver_sql(f"SELECT pg_terminate_backend(pid) FROM {others}")
    while running.step() or not running.caught_up:
        pass

    assert rows(engine) == in_memory(LOG)
