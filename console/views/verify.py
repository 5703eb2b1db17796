"""Compare the views with a fresh fold of the log."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, func, select, tuple_

from headrace.console.errors import CommandError
from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.console.kafka.topic_reader import TopicReader
from headrace.console.views import specs
from headrace.console.views.apply import apply
from headrace.console.views.batch import Batch
from headrace.console.views.canonical import canonical
from headrace.console.views.database import open_views
from headrace.console.views.fold import Fold
from headrace.console.views.locations import SqliteLocation
from headrace.console.views.rows import FactRow
from headrace.console.views.service import Decoder, ViewsService
from headrace.console.views.specs import TableSpec
from headrace.console.views.sql_store import SqlStore
from headrace.console.views.store import Key, Values
from headrace.console.views.stored_text import from_stored
from headrace.console.views.tables import assets, jobs, offsets, versions
from headrace.schemas.messages import ConsumerRecord

CHUNK = 200
"""Assets that are compared at a time."""
SHOWN = 20
"""Differences that are kept; all are counted."""

Name = tuple[str, str]
CanonicalRows = dict[tuple[Any, ...], Values]
Spans = Mapping[TopicAndPartition, OffsetRange]
OnRecords = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class ViewsDifference:
    """A row that differs: its table and key, its values in the views, and those of the log; None without a row."""

    row: tuple[Any, ...]
    views: Values | None
    log: Values | None


@dataclass(frozen=True, slots=True)
class Verification:
    """The result: assets that were compared, those with expired records, and differences, of which some are listed."""

    compared: int
    expired: int
    different: int
    differences: tuple[ViewsDifference, ...]


def verify(service: ViewsService, sample: int | None, on_records: OnRecords) -> Verification:
    """Fold the log up to the offsets of the views into a temporary file, and compare both.

    `sample` is a number of assets, chosen at random; None for all. An asset of which the log has lost a record is not
    compared.

    Raises:
        CommandError: there are no views.
    """
    views = open_views()
    if views is None:
        raise CommandError(f"there are no views in {service.place.name}: headrace views run builds them")
    reader = TopicReader(service.kafka)
    spans = reader.spans(service.topics)
    with views.connect() as connection, _temporary() as fresh:
        ends = {(row.topic, row.partition): row.next for row in connection.execute(select(offsets))}
        names = _sampled(connection, sample)
        ranges = {place: OffsetRange(span.low, min(span.high, ends.get(place, 0))) for place, span in spans.items()}
        fold = FreshFold(fresh, Fold(service.summaries), Decoder(reader.codec()))
        wanted = {f"{from_stored(bucket)}/{from_stored(key)}".encode() for bucket, key in names}
        for records in reader.read(ranges, values=True):
            fold.apply([record for record in records if sample is None or _is_meant(record.key or b"", wanted)])
            on_records(len(records))
        with fresh.connect().execution_options(reader=True) as log:
            return compare(connection, log, names, spans)


class FreshFold:
    """Folds records into empty tables."""

    def __init__(self, engine: Engine, fold: Fold, decoder: Decoder) -> None:
        self._engine = engine
        self._fold = fold
        self._decoder = decoder
        self._expected: dict[TopicAndPartition, int] = {}

    def apply(self, records: Sequence[ConsumerRecord]) -> None:
        """Fold some records."""
        batch = Batch()
        for record in records:
            self._fold.add(batch, self._decoder.decode(record))
        if batch.offsets:
            with self._engine.begin() as connection:
                apply(batch, SqlStore(connection), self._expected, time.time())
            self._expected |= {place: row.next for place, row in batch.offsets.items()}


def compare(views: Connection, log: Connection, names: Sequence[Name], spans: Spans) -> Verification:
    """Compare the rows of assets in two databases."""
    expired = different = 0
    kept: list[ViewsDifference] = []
    for start in range(0, len(names), CHUNK):
        own, fresh = (_rows(connection, names[start : start + CHUNK]) for connection in (views, log))
        lost, owners = _lost(own, spans), _owners(own) | _owners(fresh)
        expired += len(lost)
        for key in sorted({*own, *fresh}, key=repr):
            name = owners.get(key[1]) if key[0] in ("jobs", "completions") else key[1:3]
            if own.get(key) != fresh.get(key) and name not in lost:
                different += 1
                kept.append(ViewsDifference(key, own.get(key), fresh.get(key)))
    return Verification(len(names) - expired, expired, different, tuple(kept[:SHOWN]))


def _sampled(connection: Connection, sample: int | None) -> list[Name]:
    chosen = select(assets.c.bucket, assets.c.key)
    chosen = chosen.order_by(func.random()).limit(sample) if sample is not None else chosen
    return [(row.bucket, row.key) for row in connection.execute(chosen)]


def _is_meant(key: bytes, wanted: Collection[bytes]) -> bool:
    """Whether a record may be about some assets. A job's token has no slash, the key of an asset always has one."""
    return b"/" not in key or key in wanted


@contextmanager
def _temporary() -> Iterator[Engine]:
    with tempfile.TemporaryDirectory(prefix="headrace-views-") as folder:
        engine = SqliteLocation(Path(folder)).create_next()
        try:
            yield engine
        finally:
            engine.dispose()


def _rows(connection: Connection, names: Sequence[Name]) -> CanonicalRows:
    """Return all rows about some assets."""
    assets_ = _load(connection, specs.ASSETS, tuple_(assets.c.bucket, assets.c.key).in_(names))
    asset_numbers = [row[0] for row in assets_.values()]
    versions_ = _load(connection, specs.VERSIONS, versions.c.asset_id.in_(asset_numbers))
    numbers = [row[0] for row in versions_.values()]
    jobs_ = _load(connection, specs.JOBS, jobs.c.version_id.in_(numbers))
    found = {"assets": assets_, "versions": versions_, "jobs": jobs_}
    for spec, wanted in (
        (specs.COMPLETIONS, [row[0] for row in jobs_.values()]),
        (specs.REMOVALS, asset_numbers),
        (specs.STAGES, numbers),
        (specs.TIMELINE, numbers),
    ):
        found[spec.name] = _load(connection, spec, spec.key_columns[0].in_(wanted))
    empty: dict[Key, Values] = {}
    return canonical({spec.name: found.get(spec.name, empty) for spec in specs.ALL})


def _load(connection: Connection, spec: TableSpec, condition: ColumnElement[bool]) -> dict[Key, Values]:
    width = len(spec.keys)
    columns = [spec.table.c[name] for name in (*spec.keys, *spec.values)]
    found = connection.execute(select(*columns).where(condition))
    return {tuple(row[:width]): tuple(row[width:]) for row in found}


def _lost(rows: CanonicalRows, spans: Spans) -> set[Name]:
    """Return the assets with an event whose record has expired."""
    return {key[1:3] for key, row in rows.items() if key[0] == "timeline" and _has_expired(FactRow(*row), spans)}


def _has_expired(fact: FactRow, spans: Spans) -> bool:
    span = spans.get((fact.topic, fact.partition))
    return span is None or fact.offset < span.low


def _owners(rows: CanonicalRows) -> dict[str, Name]:
    """Return the asset of each job."""
    return {key[1]: row[0][:2] for key, row in rows.items() if key[0] == "jobs" and row[0] is not None}
