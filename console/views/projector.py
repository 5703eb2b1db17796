"""The projector: it folds records into the views, in one transaction with the offsets."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence

import structlog
from sqlalchemy import Engine, delete, insert, select
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from headrace.console.kafka.entry import LogEntry
from headrace.console.kafka.offsets import TopicAndPartition
from headrace.console.views.apply import apply
from headrace.console.views.apply_operations import OffsetMovedError
from headrace.console.views.batch import Batch, OffsetRow
from headrace.console.views.database import CAUGHT_UP, check_schema
from headrace.console.views.fold import Fold, advance
from headrace.console.views.log_source import Poll, RecordSource
from headrace.console.views.outages import OutageWait, reason
from headrace.console.views.recreated_topics import forget_partition
from headrace.console.views.sql_store import SqlStore
from headrace.console.views.tables import offsets, progress
from headrace.schemas import topics
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.runtime.outage_log import OutageLog

POLL_SECONDS = 0.2
REPORT_SECONDS = 1.0
RACES = 3
"""Attempts at a batch whose rows another projector inserted first."""

COMPACTED = frozenset(topic.name for topic in topics.SHARED if topic.compacted)
"""Topics in which offsets are missing by design."""

log = structlog.get_logger("headrace")

Decode = Callable[[ConsumerRecord], LogEntry]


class Projector:
    """Folds the records of a source into a database. One process may use one at a time."""

    def __init__(
        self,
        engine: Engine,
        source: RecordSource,
        decode: Decode,
        fold: Fold,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._engine = engine
        self._source = source
        self._decode = decode
        self._fold = fold
        self._clock = clock
        self._positions: dict[TopicAndPartition, int | None] = {}
        self._reported_at = 0.0
        self._wait = OutageWait(OutageLog(database=engine.url.render_as_string()), sleep)
        self.records = 0
        """The number of records that were applied."""

    def step(self, seconds: float = POLL_SECONDS) -> bool:
        """Read and apply some records. Returns whether there were any. Waits while the database is not available.

        Raises:
            SchemaReplacedError: another version of Headrace has built the views anew.
        """
        poll = self._source.poll(seconds)
        if poll.records or poll.finished:
            self._until_available(lambda: self._apply(poll))
        if self.caught_up and self._clock() - self._reported_at >= REPORT_SECONDS:
            self._until_available(self._report)
            self._reported_at = self._clock()
        return bool(poll.records)

    @property
    def caught_up(self) -> bool:
        """Whether every partition was read to its end."""
        return self._source.caught_up()

    def _until_available(self, action: Callable[[], None]) -> None:
        """Repeat an action while the database is down, locked or full."""
        try:
            self._wait.until_available(action, self._engine.dispose)
        except OffsetMovedError as error:
            log.warning("views_offset_moved", reason=str(error))
            self._read_again()

    def _read_again(self) -> None:
        """Read every partition from its stored offset on."""
        self._positions.clear()
        self._wait.until_available(self._source.seek, self._engine.dispose)

    def _apply(self, poll: Poll) -> None:
        self._load_positions({(record.topic, record.partition) for record in poll.records} | poll.finished.keys())
        self._apply_records(poll.records, poll.ends)
        self._skip_expired(poll.finished)

    def _apply_records(self, records: Sequence[ConsumerRecord], ends: Mapping[TopicAndPartition, int]) -> None:
        """Apply records; if the database rejects them, halve them until the rejected record is known."""
        if not records:
            return
        try:
            self._commit_unless_raced(records, ends)
        except (DataError, IntegrityError, StatementError, OverflowError) as error:
            if isinstance(error, DBAPIError) and not isinstance(error, DataError | IntegrityError):
                raise  # the database is at fault, not a record
            if len(records) > 1:
                half = len(records) // 2
                self._apply_records(records[:half], ends)
                self._apply_records(records[half:], ends)
                return
            why = reason(error) if isinstance(error, SQLAlchemyError) else str(error)
            batch = Batch()
            self._add_gap(batch, records[0], self._positions.get((records[0].topic, records[0].partition)))
            advance(batch, LogEntry(records[0]), 0, f"the database rejects it: {why}")
            self._commit(batch)
        else:
            self.records += len(records)

    def _commit_unless_raced(self, records: Sequence[ConsumerRecord], ends: Mapping[TopicAndPartition, int]) -> None:
        """Commit records. If another projector inserts a row at the same time, do it again with that row."""
        for attempt in range(RACES):
            try:
                self._commit(self._folded(records, ends))
            except IntegrityError:
                if attempt == RACES - 1:
                    raise
            else:
                return

    def _folded(self, records: Sequence[ConsumerRecord], ends: Mapping[TopicAndPartition, int]) -> Batch:
        batch = Batch()
        nexts: dict[TopicAndPartition, int] = {}
        for record in records:
            place = (record.topic, record.partition)
            expected = nexts.get(place, self._positions.get(place))
            if expected is not None and record.offset < expected:
                continue  # applied: the views were swapped, or another projector was faster
            self._add_gap(batch, record, expected)
            nexts[place] = record.offset + 1
            if why := self._fold.add(batch, self._decode(record), ends.get(place, 0)):
                log.warning("record_unreadable", topic=place[0], partition=place[1], offset=record.offset, reason=why)
        return batch

    def _add_gap(self, batch: Batch, record: ConsumerRecord, expected: int | None) -> None:
        """Record a gap before a record, unless its topic is compacted."""
        place = (record.topic, record.partition)
        if expected is not None and record.offset > expected and place[0] not in COMPACTED:
            batch.gaps[(*place, expected)] = (record.offset, self._clock())
            log.error("views_gap", topic=place[0], partition=place[1], first=expected, next=record.offset)

    def _skip_expired(self, finished: Mapping[TopicAndPartition, int]) -> None:
        """Advance partitions at whose end the stored offset is not: the last records have expired."""
        batch = Batch()
        recreated: dict[TopicAndPartition, int] = {}
        for place, end in finished.items():
            position = self._positions.get(place)
            if position is not None and position > end:
                recreated[place] = position
            elif position is not None and position < end:
                batch.offsets[place] = OffsetRow(end, end, None, 0, 0)
                if place[0] not in COMPACTED:
                    batch.gaps[(*place, position)] = (end, self._clock())
                    log.error("views_gap", topic=place[0], partition=place[1], first=position, next=end)
        if batch.offsets:
            self._commit(batch)
        if recreated:
            self._begin_again(recreated)

    def _begin_again(self, positions: Mapping[TopicAndPartition, int]) -> None:
        """Fold partitions from their beginning: they end before the stored offset, so their topic was created again."""
        with self._engine.begin() as connection:
            check_schema(connection)
            for place, first in positions.items():
                end = forget_partition(connection, place, first, self._clock())
                log.error("views_topic_recreated", topic=place[0], partition=place[1], first=first, next=end)
        self._read_again()

    def _commit(self, batch: Batch) -> None:
        expected = {place: at for place in batch.offsets if (at := self._positions.get(place)) is not None}
        with self._engine.begin() as connection:
            check_schema(connection)
            apply(batch, SqlStore(connection), expected, self._clock())
        self._positions |= {place: row.next for place, row in batch.offsets.items()}

    def _load_positions(self, places: Collection[TopicAndPartition]) -> None:
        missing = [place for place in places if place not in self._positions]
        if missing:
            stored = load_offsets(self._engine, missing)
            self._positions |= {place: stored.get(place) for place in missing}

    def _report(self) -> None:
        """Store when the projector had read everything, for the lag of answers."""
        with self._engine.begin() as connection:
            connection.execute(delete(progress).where(progress.c.name == CAUGHT_UP))
            connection.execute(insert(progress).values(name=CAUGHT_UP, value=self._clock()))


def load_offsets(engine: Engine, places: Collection[TopicAndPartition]) -> dict[TopicAndPartition, int]:
    """Return the stored next offset of partitions; those without one are missing."""
    statement = select(offsets.c.topic, offsets.c.partition, offsets.c.next)
    with engine.connect().execution_options(reader=True) as connection:
        stored = {(topic, partition): next_ for topic, partition, next_ in connection.execute(statement)}
    return {place: stored[place] for place in places if place in stored}
