"""Write passages and their terms. The statements differ between SQLite and PostgreSQL only here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from headrace.console.search.analysis import index_terms
from headrace.console.search.weights import WEIGHTS
from headrace.console.views.asset_tables import text_sources
from headrace.console.views.operation_tables import people
from headrace.console.views.stored_text import from_stored, to_stored
from headrace.console.views.text_tables import passage_bits, passage_vectors, passages
from headrace.schemas.records import EVENTS, Event
from headrace.streams.passages.passage import Passage
from headrace.streams.passages.vectors import sign_bits
from headrace.streams.passages.words import count_words

LONGEST_ERROR = 300


@dataclass(frozen=True, slots=True)
class PendingSource:
    """A result whose text is not indexed yet."""

    id: int
    version_id: int
    event_id: str
    event: Event


@dataclass(frozen=True, slots=True)
class IndexedSource:
    """The passages of a source, and the state in which it leaves the queue."""

    source: PendingSource
    passages: Sequence[Passage]
    state: str
    error: str | None = None


def pending(connection: Connection, after: int, limit: int) -> list[PendingSource]:
    """Return the next sources that wait for their text, in order of their ids."""
    query = (
        select(text_sources)
        .where(text_sources.c.state == "pending", text_sources.c.id > after)
        .order_by(text_sources.c.id)
        .limit(limit)
    )
    return [_source(row) for row in connection.execute(query)]


def count_pending(connection: Connection) -> int:
    """Return the number of sources that wait for their text."""
    query = select(func.count()).select_from(text_sources).where(text_sources.c.state == "pending")
    return connection.execute(query).scalar_one()


def write(connection: Connection, indexed: Iterable[IndexedSource]) -> int:
    """Replace the passages of sources; return the number written.

    A source whose event was replaced since it was read stays pending, and its passages are not written.
    """
    current = _leave_queue(connection, list(indexed))
    _delete(connection, [each.source.id for each in current])
    rows = [_row(each.source, passage) for each in current for passage in each.passages]
    if rows:
        for id_, row in zip(_new_ids(connection, len(rows)), rows, strict=True):
            row["id"] = id_
        vectors = [row.pop("vector") for row in rows]
        connection.execute(insert(passages), rows)
        _insert_terms(connection, rows)
        _insert_vectors(connection, [pair for pair in zip(rows, vectors, strict=True) if pair[1] is not None])
    return len(current)


def forgotten_left(connection: Connection) -> bool:
    """Return whether there are passages of forgotten faces."""
    return connection.execute(select(passages.c.id).where(_is_forgotten()).limit(1)).first() is not None


def erase_forgotten(connection: Connection) -> None:
    """Delete the passages of forgotten faces. They have no terms: a text search does not read people."""
    connection.execute(delete(passages).where(_is_forgotten()))


def _is_forgotten() -> ColumnElement[bool]:
    faces = select(people.c.face).where(people.c.kind == "forgotten")
    return and_(passages.c.kind == "person", or_(passages.c.name.in_(faces), passages.c.category.in_(faces)))


def erase_texts(connection: Connection, asset_id: int) -> int:
    """Delete the searchable text of an asset; return the number of its passages."""
    ids = connection.scalars(select(text_sources.c.id).where(text_sources.c.asset_id == asset_id)).all()
    count = _delete(connection, ids)
    connection.execute(delete(text_sources).where(text_sources.c.asset_id == asset_id))
    return count


def _source(row: Row[tuple[object, ...]]) -> PendingSource:
    event = msgspec.msgpack.decode(row.event, type=EVENTS[row.event_type])
    return PendingSource(row.id, row.version_id, row.event_id, event)


def _leave_queue(connection: Connection, indexed: Sequence[IndexedSource]) -> list[IndexedSource]:
    """Mark the sources whose event is still that of the queue; return them."""
    ids = [each.source.id for each in indexed]
    waiting = select(text_sources.c.id, text_sources.c.event_id).where(
        text_sources.c.id.in_(ids), text_sources.c.state == "pending"
    )
    events = {row.id: row.event_id for row in connection.execute(waiting.with_for_update())}
    current = [each for each in indexed if events.get(each.source.id) == each.source.event_id]
    values = [
        {
            "source": each.source.id,
            "new_state": each.state,
            "new_error": each.error[:LONGEST_ERROR] if each.error else None,
            "count": sum(count_words(passage.text) for passage in each.passages if passage.kind in WEIGHTS),
        }
        for each in current
    ]
    if values:
        connection.execute(
            update(text_sources)
            .where(text_sources.c.id == bindparam("source"))
            .values(state=bindparam("new_state"), error=bindparam("new_error"), words=bindparam("count"), event=None),
            values,
        )
    return current


def _row(source: PendingSource, passage: Passage) -> dict[str, Any]:
    return {
        "source_id": source.id,
        "version_id": source.version_id,
        "kind": passage.kind,
        "name": to_stored(passage.name),
        "category": to_stored(passage.category),
        "text": to_stored(passage.text),
        "language": to_stored(passage.language),
        "confidence": passage.confidence,
        "start": passage.start,
        "end": passage.end,
        "page": passage.page,
        "word_times": passage.word_times,
        "vector": passage.vector,
    }


def _terms(kind: str, stored: str, language: str) -> str:
    """Return the terms of a stored passage, separated by spaces; empty if a text search does not read it."""
    return " ".join(index_terms(from_stored(stored), language)) if kind in WEIGHTS else ""


def _new_ids(connection: Connection, count: int) -> list[int]:
    if connection.dialect.name == "postgresql":
        sequence = text("SELECT nextval(pg_get_serial_sequence('passages', 'id')) FROM generate_series(1, :count)")
        return list(connection.scalars(sequence, {"count": count}))
    first = (connection.scalar(select(func.max(passages.c.id))) or 0) + 1  # there is one writer at a time
    return list(range(first, first + count))


def _insert_terms(connection: Connection, rows: list[dict[str, object]]) -> None:
    found = [
        {"id": row["id"], "terms": terms}
        for row in rows
        if (terms := _terms(str(row["kind"]), str(row["text"]), str(row["language"])))
    ]
    if not found:
        return
    if connection.dialect.name == "postgresql":
        # Terms need no quotes. The position of each word is that of the text, so that phrases match.
        found = [{"id": each["id"], "terms": _vector(str(each["terms"]))} for each in found]
        statement = text("INSERT INTO passages_fts (rowid, terms) VALUES (:id, CAST(:terms AS tsvector))")
    else:
        statement = text("INSERT INTO passages_fts (rowid, terms) VALUES (:id, :terms)")
    connection.execute(statement, found)


def _insert_vectors(connection: Connection, found: Sequence[tuple[dict[str, Any], bytes]]) -> None:
    """Insert the vectors of passages, each with its row."""
    if not found:
        return
    bits = [
        {
            "passage_id": row["id"],
            "version_id": row["version_id"],
            "model": row["category"],
            "bits": stored_bits(connection, sign_bits(vector)),
        }
        for row, vector in found
    ]
    connection.execute(insert(passage_bits), bits)
    connection.execute(insert(passage_vectors), [{"passage_id": row["id"], "vector": vector} for row, vector in found])


def stored_bits(connection: Connection, bits: bytes) -> bytes | str:
    """Return sign bits as the database stores them: bytes, or in PostgreSQL a bit string."""
    return "".join(f"{byte:08b}" for byte in bits) if connection.dialect.name == "postgresql" else bits


def _vector(terms: str) -> str:
    return " ".join(f"{term}:{position}" for position, term in enumerate(terms.split(), 1))


def _delete(connection: Connection, source_ids: Sequence[int]) -> int:
    """Delete the passages of sources with their terms; return their number.

    The table of SQLite needs the terms that it deletes.
    """
    query = select(passages.c.id, passages.c.kind, passages.c.text, passages.c.language)
    rows = connection.execute(query.where(passages.c.source_id.in_(source_ids))).all()
    if not rows:
        return 0
    if connection.dialect.name == "postgresql":
        connection.execute(text("DELETE FROM passages_fts WHERE rowid = :id"), [{"id": row.id} for row in rows])
    else:
        found = [{"id": row.id, "terms": terms} for row in rows if (terms := _terms(row.kind, row.text, row.language))]
        if found:
            statement = text("INSERT INTO passages_fts (passages_fts, rowid, terms) VALUES ('delete', :id, :terms)")
            connection.execute(statement, found)
    with_vector = select(passages.c.id).where(passages.c.source_id.in_(source_ids), passages.c.kind == "vector")
    for vectors in (passage_bits, passage_vectors):
        connection.execute(delete(vectors).where(vectors.c.passage_id.in_(with_vector)))
    connection.execute(delete(passages).where(passages.c.source_id.in_(source_ids)))
    return len(rows)
