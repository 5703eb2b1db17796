"""Dead letters in the views, as `headrace.console.dlq.letter_source` describes them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, FromClause, func, select, true

from headrace.console.dlq.dispositions import Disposition, disposition_of, read
from headrace.console.dlq.letter import LetterFilter
from headrace.console.dlq.listing import LIMIT, LetterPage, ListedLetter
from headrace.console.dlq.lookup import MAX_CANDIDATES, LetterMatch, resolve_prefix
from headrace.console.kafka.entry import LogEntry
from headrace.console.views.queries.arguments import stored_argument
from headrace.console.views.stored_text import from_stored
from headrace.console.views.tables import assets, dead_letters, dispositions, jobs, versions
from headrace.schemas.cloudevents import Headers
from headrace.schemas.messages import ConsumerRecord

CHUNK = 500
"""Rows per fetch, and the maximum number of values in a condition."""

_COLUMNS = dead_letters.c
_NEWEST_FIRST = tuple(
    column.desc() for column in (_COLUMNS.timestamp, _COLUMNS.topic, _COLUMNS.partition, _COLUMNS.offset)
)
_OWNERS = (
    dead_letters.outerjoin(jobs, jobs.c.token == _COLUMNS.asset)
    .outerjoin(versions, versions.c.id == jobs.c.version_id)
    .outerjoin(assets, assets.c.id == versions.c.asset_id)
)
"""Dead letters with the asset of their job: `dead_letters.asset` is the job's token if no header names the asset."""
ASSET_HEADER = "dlq-asset"
_GREATEST = "\U0010ffff"
"""A character after which no other sorts."""
_HEADERS = msgspec.msgpack.Decoder(tuple[tuple[str, bytes | None], ...])


def page(connection: Connection, topics: Collection[str], query: LetterFilter, resolved: bool) -> LetterPage:
    """List the newest dead letters that match; resolved ones only if `resolved`.

    Keys and texts are compared here, row by row: the rest of the rows then counts as `more`, which is not exact.
    """
    limit = query.limit or LIMIT
    wanted = _conditions(topics, query)
    if query.key is None and query.text is None:
        shown = wanted if resolved else [*wanted, ~_COLUMNS.resolved]
        letters = _listed(connection, islice(_newest(connection, shown), limit))
        hidden = 0 if resolved else _count(connection, [*wanted, _COLUMNS.resolved])
        return LetterPage(letters, _count(connection, shown) - len(letters), True, hidden)
    rows: list[Any] = []
    examined = hidden = 0
    for row in _newest(connection, wanted, _OWNERS if query.key is not None else dead_letters):
        if len(rows) == limit:
            break
        examined += 1
        if query.matches(LogEntry(_with_asset(row))):
            hidden += row.resolved and not resolved
            rows += [row] if resolved or not row.resolved else []
    unread = _count(connection, wanted) - examined
    return LetterPage(_listed(connection, rows), unread, not unread, hidden)


def find(connection: Connection, topics: Collection[str], prefixes: Sequence[str]) -> list[LetterMatch]:
    """Find the dead letter of each prefix of an id.

    Raises:
        CommandError: a prefix matches none, or several.
    """
    return [resolve_prefix(prefix, _matches(connection, topics, prefix)) for prefix in dict.fromkeys(prefixes)]


def all_dispositions(connection: Connection) -> dict[str, Disposition]:
    """Read the current dispositions, by letter id."""
    return _dispositions(connection, true())


def _matches(connection: Connection, topics: Collection[str], prefix: str) -> list[LetterMatch]:
    start = stored_argument(prefix)
    wanted = (_COLUMNS.id >= start, _COLUMNS.id < start + _GREATEST, _COLUMNS.topic.in_(topics))
    rows = connection.execute(select(dead_letters).where(*wanted).order_by(_COLUMNS.id).limit(MAX_CANDIDATES + 1))
    return [LetterMatch(row.id, as_record(row), row.records) for row in rows]


def _conditions(topics: Collection[str], query: LetterFilter) -> list[ColumnElement[bool]]:
    """Return the conditions of a filter, except those of the key and the text."""
    conditions: list[ColumnElement[bool]] = [_COLUMNS.topic.in_(topics)]
    if query.code is not None:
        conditions.append(_COLUMNS.code == stored_argument(query.code))
    if query.since is not None:
        conditions.append(_COLUMNS.failed_at >= query.since)
    if query.until is not None:
        conditions.append(_COLUMNS.failed_at <= query.until)
    return conditions


def _newest(
    connection: Connection, conditions: Iterable[ColumnElement[bool]], source: FromClause = dead_letters
) -> Iterator[Any]:
    named = () if source is dead_letters else (assets.c.bucket, assets.c.key.label("of"))
    statement = select(dead_letters, *named).select_from(source).where(*conditions).order_by(*_NEWEST_FIRST)
    with connection.execute(statement.execution_options(yield_per=CHUNK)) as rows:
        yield from rows


def _count(connection: Connection, conditions: Iterable[ColumnElement[bool]]) -> int:
    return connection.execute(select(func.count()).select_from(dead_letters).where(*conditions)).scalar_one()


def as_record(row: Any) -> ConsumerRecord:
    """Return the newest record of a dead letter, without its value."""
    headers: Headers = _HEADERS.decode(row.headers)
    return ConsumerRecord(row.topic, row.partition, row.offset, row.timestamp, row.key, None, headers)


def _with_asset(row: Any) -> ConsumerRecord:
    """Return the record of a letter. That of a job has its asset in a header, also if it was written without one."""
    record = as_record(row)
    if getattr(row, "bucket", None) is None or ASSET_HEADER in dict(record.headers):
        return record
    name = f"{from_stored(row.bucket)}/{from_stored(row.of)}".encode()
    return msgspec.structs.replace(record, headers=(*record.headers, (ASSET_HEADER, name)))


def _listed(connection: Connection, rows: Iterable[Any]) -> tuple[ListedLetter, ...]:
    records = {row.id: as_record(row) for row in rows}
    known = _dispositions_of(connection, list(records))
    return tuple(ListedLetter(id_, record, disposition_of(id_, record, known)) for id_, record in records.items())


def _dispositions_of(connection: Connection, ids: Sequence[str]) -> dict[str, Disposition]:
    known: dict[str, Disposition] = {}
    for start in range(0, len(ids), CHUNK):
        known |= _dispositions(connection, dispositions.c.letter.in_(ids[start : start + CHUNK]))
    return known


def _dispositions(connection: Connection, condition: ColumnElement[bool]) -> dict[str, Disposition]:
    rows = connection.execute(select(dispositions.c.letter, dispositions.c.document).where(condition))
    return read((from_stored(row.letter).encode(), from_stored(row.document).encode()) for row in rows)
