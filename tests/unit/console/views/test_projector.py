"""The projector on SQLite: kills, outages, rejected records and gaps."""

from __future__ import annotations

import gc
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, event, insert, select, update
from sqlalchemy.exc import DataError, OperationalError
from structlog.testing import capture_logs

from headrace.console.kafka.entry import open_record
from headrace.console.kafka.offsets import TopicAndPartition
from headrace.console.views import locations, projector, specs, tables
from headrace.console.views.canonical import canonical
from headrace.console.views.database import SCHEMA, SchemaReplacedError, lag
from headrace.console.views.fold import Fold
from headrace.console.views.locations import SqliteLocation
from headrace.console.views.log_source import Poll
from headrace.console.views.projector import Projector
from headrace.console.views.store import MemoryStore, Values
from headrace.schemas.messages import ConsumerRecord
from tests.support.records import CODEC
from tests.unit.console.views.history import Log, any_order, apply_all, log_of

NAMES = ("cat.jpg", "dog.mp4")


class Killed(BaseException):
    """The process ends here."""


class LogInMemory:
    """A log that is read in a random order from the stored offsets on."""

    def __init__(self, log: Log, engine: Engine, seed: int) -> None:
        self._log = log
        self._engine = engine
        self._draw = Random(seed)
        self.seek()

    def seek(self) -> None:
        """Read from the stored offsets on."""
        stored = projector.load_offsets(self._engine, list(self._log))
        left: Log = {
            place: [record for record in found if record.offset >= stored.get(place, 0)]
            for place, found in self._log.items()
        }
        self._left = any_order(left, self._draw)
        self._ends = {place: found[-1].offset + 1 for place, found in self._log.items()}

    def poll(self, seconds: float) -> Poll:
        """Return some records."""
        size = self._draw.choice([1, 5, 30])
        found, self._left = self._left[:size], self._left[size:]
        return Poll(found, {}, {} if self._left else self._ends)

    def caught_up(self) -> bool:
        """Whether everything was read."""
        return not self._left


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with empty tables."""
    location = SqliteLocation(tmp_path_factory.mktemp("template"))
    engine = location.create_next()
    engine.dispose()
    return Path(str(engine.url.database))


@pytest.fixture
def engine(template: Path, tmp_path: Path) -> Iterator[Engine]:
    """Return empty tables."""
    shutil.copy(template, tmp_path / "views-1.sqlite3")
    (tmp_path / "views.sqlite3").symlink_to("views-1.sqlite3")
    engine = SqliteLocation(tmp_path).current()
    assert engine is not None
    yield engine
    engine.dispose()


def project(
    engine: Engine, log: Log, seed: int = 0, sleep: Callable[[float], None] = lambda seconds: None
) -> Projector:
    """Run a projector until it has read the log."""
    source = LogInMemory(log, engine, seed)
    running = Projector(engine, source, lambda record: open_record(record, CODEC), Fold({}), sleep=sleep)
    while running.step() or not running.caught_up:
        pass
    return running


def rows(engine: Engine) -> dict[tuple[object, ...], Values]:
    found: dict[str, Any] = {}
    with engine.connect() as connection:
        for spec in specs.ALL:
            width = len(spec.keys)
            columns = [spec.table.c[name] for name in (*spec.keys, *spec.values)]
            read = connection.execute(select(*columns))
            found[spec.name] = {tuple(row[:width]): tuple(row[width:]) for row in read}
    return canonical(found)


def in_memory(log: Log) -> dict[tuple[object, ...], Values]:
    store = MemoryStore()
    apply_all([any_order(log, Random(0))], store)
    return canonical(store.tables)


LOG = log_of(NAMES, 3)
EXPECTED = in_memory(LOG)
SHORT = log_of(NAMES[:1], 4)
EXPECTED_OF_SHORT = in_memory(SHORT)


@pytest.mark.parametrize("first", range(1, 300, 7))
def test_killed_projector_neither_skips_nor_counts_twice(first: int, engine: Engine) -> None:
    draw = Random(first)
    left = first

    def die(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            left = draw.randrange(100, 600)
            raise Killed

    for name in ("before_cursor_execute", "after_cursor_execute", "begin", "commit"):
        event.listen(engine, name, die)
    for attempt in range(1000):
        with suppress(Killed):
            project(engine, SHORT, first + attempt)
            break
        gc.collect()  # ends the transaction, as the end of a process does
        engine.dispose()
    for name in ("before_cursor_execute", "after_cursor_execute", "begin", "commit"):
        event.remove(engine, name, die)

    assert rows(engine) == EXPECTED_OF_SHORT


@pytest.mark.parametrize(
    "message", ["database is locked", "database or disk is full", "attempt to write a readonly database"]
)
def test_projector_waits_while_the_database_is_unavailable(message: str, engine: Engine) -> None:
    failures = 5
    waits: list[float] = []

    def fail(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        nonlocal failures
        if failures and "INSERT" in statement:
            failures -= 1
            raise OperationalError(statement, {}, Exception(message))

    event.listen(engine, "before_cursor_execute", fail)
    project(engine, LOG, sleep=waits.append)

    assert (len(waits), failures) == (5, 0)
    assert rows(engine) == EXPECTED


def test_projector_waits_while_the_disk_is_full(engine: Engine) -> None:
    pages = 1  # SQLite takes the present number
    log = log_of([f"{number}.jpg" for number in range(60)], 5)
    event.listen(engine, "connect", lambda connection, _: connection.execute(f"PRAGMA max_page_count={pages}"))
    waits: list[float] = []

    def grow(seconds: float) -> None:
        nonlocal pages
        waits.append(seconds)
        pages = 1_000_000

    with capture_logs() as logs:
        project(engine, log, sleep=grow)

    assert waits
    assert {line["reason"] for line in logs if line["event"] == "dependency_unavailable"} == {
        "database or disk is full"
    }
    assert "dependency_recovered" in {line["event"] for line in logs}
    assert rows(engine) == in_memory(log)


def test_projector_waits_for_a_transaction_of_another_process(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locations, "BUSY_SECONDS", 0.1)
    impatient = SqliteLocation(tmp_path).current()
    assert impatient is not None
    with closing(sqlite3.connect(tmp_path / "views.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waits: list[float] = []

        def end_transaction(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 3:
                other.execute("ROLLBACK")

        project(impatient, LOG, sleep=end_transaction)

    assert waits == [0.5, 1.0, 2.0]
    assert rows(engine) == EXPECTED


def test_deleted_file_is_not_current_and_its_number_is_not_used_again(engine: Engine, tmp_path: Path) -> None:
    place = SqliteLocation(tmp_path)
    assert place.is_current(engine)
    Path(str(engine.url.database)).unlink()

    assert not place.is_current(engine)
    assert place.current() is None
    place.swap(place.create_next())
    assert not place.is_current(engine)
    assert (tmp_path / "views.sqlite3").resolve().name == "views-2.sqlite3"


def test_record_that_the_database_rejects_is_counted_alone(engine: Engine) -> None:
    def reject(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if 'INSERT INTO "assets"' in statement and "dog.mp4" in str(parameters):
            raise DataError(statement, {}, Exception("index row too large"))

    event.listen(engine, "before_cursor_execute", reject)
    project(engine, LOG)

    with engine.connect() as connection:
        keys = connection.execute(select(tables.assets.c.key)).scalars().all()
        reasons = set(connection.execute(select(tables.undecodable.c.reason)).scalars())
        nexts = {(row.topic, row.partition): row.next for row in connection.execute(select(tables.offsets))}
    assert keys == ["cat.jpg"]
    assert "the database rejects it: index row too large" in reasons
    assert nexts == {place: len(found) for place, found in LOG.items()}


def truncated(log: Log, place: TopicAndPartition, first: int, count: int) -> Log:
    """Remove records of a partition."""
    kept: list[ConsumerRecord] = [each for each in log[place] if not first <= each.offset < first + count]
    return {**log, place: kept}


def test_records_that_expired_unread_are_a_gap(engine: Engine) -> None:
    place = max((place for place in LOG if place[0].startswith("media.")), key=lambda place: len(LOG[place]))
    project(engine, {place: LOG[place][:1]})
    project(engine, {place: truncated(LOG, place, 1, 2)[place]})

    with engine.connect() as connection:
        assert [tuple(row[:4]) for row in connection.execute(select(tables.gaps))] == [(*place, 1, 3)]


def test_gap_at_the_end_of_a_partition_is_recorded(engine: Engine) -> None:
    place = ("media.scanned", 0)
    project(engine, {place: LOG[place][:1]})

    class Expired(LogInMemory):
        def poll(self, seconds: float) -> Poll:
            """Return the end of a partition without records."""
            return Poll([], {}, {place: 9})

    running = Projector(
        engine, Expired({place: LOG[place][:1]}, engine, 0), lambda record: open_record(record, CODEC), Fold({})
    )
    running.step()

    with engine.connect() as connection:
        assert [tuple(row[:4]) for row in connection.execute(select(tables.gaps))] == [(*place, 1, 9)]
        [row] = connection.execute(select(tables.offsets))
        assert row.next == 9


def test_topic_that_was_created_again_is_folded_from_its_beginning(engine: Engine) -> None:
    place = ("media.scanned", 0)
    junk = [ConsumerRecord(*place, offset, 1.0, b"key", b"junk", (("ce_id", b"\xff"),)) for offset in range(2)]
    project(
        engine, {place: [*junk, *(msgspec.structs.replace(record, offset=record.offset + 2) for record in LOG[place])]}
    )
    with engine.begin() as connection:
        connection.execute(update(tables.offsets).values(end=9))  # the deleted topic had records that were not read
    expected = {row for row in rows(engine) if row[0] == "timeline"}

    project(
        engine,
        {place: [*junk, *(msgspec.structs.replace(record, offset=record.offset + 2) for record in LOG[place][:1])]},
    )
    with engine.connect() as connection:
        [gap] = connection.execute(select(tables.gaps))
        [row] = connection.execute(select(tables.offsets))
        unreadable = connection.execute(select(tables.undecodable)).all()
    assert tuple(gap[:4]) == (*place, len(LOG[place]) + 2, 9)
    assert (row.next, row.end, row.records, row.undecodable) == (3, 3, 3, 2)
    assert len(unreadable) == 2
    assert {row for row in rows(engine) if row[0] == "timeline"} == expected


def test_unreadable_records_are_counted_and_the_first_are_kept(engine: Engine) -> None:
    junk = [
        ConsumerRecord("media.scanned", 0, offset, 1.0, bytes([offset]), b"junk", (("ce_id", b"\xff"),))
        for offset in range(150)
    ]
    project(engine, {("media.scanned", 0): junk})

    with engine.connect() as connection:
        [row] = connection.execute(select(tables.offsets))
        kept = connection.execute(select(tables.undecodable).order_by(tables.undecodable.c.offset)).all()
    assert (row.records, row.undecodable, row.next) == (150, 150, 150)
    assert [each.offset for each in kept] == list(range(100))


def test_second_projector_moves_the_first_to_the_stored_offsets(engine: Engine) -> None:
    first = LogInMemory(LOG, engine, 1)
    running = Projector(engine, first, lambda record: open_record(record, CODEC), Fold({}))
    running.step()
    project(engine, LOG, 2)
    while running.step() or not running.caught_up:
        pass

    assert rows(engine) == EXPECTED


def test_lag_is_the_time_since_the_projector_was_caught_up(engine: Engine) -> None:
    project(engine, LOG)

    with engine.connect() as connection:
        [at] = connection.execute(select(tables.progress.c.value)).scalars()
        assert lag(connection, at + 7.0).seconds == 7.0
        assert lag(connection, at).records == 0


def test_files_of_others_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "views-backup.sqlite3"
    other.touch()
    location = SqliteLocation(tmp_path)
    engine = location.create_next()
    location.swap(engine)
    engine.dispose()

    assert location.drop()
    assert other.exists()


def test_projector_writes_nothing_into_tables_of_another_version(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(insert(tables.properties), [{"name": SCHEMA, "value": str(tables.SCHEMA_NUMBER + 1)}])
    with pytest.raises(SchemaReplacedError):
        project(engine, SHORT)
    assert not any(rows(engine).values())
