"""Tables of the searchable text: passages of results, and their full-text index.

A passage is a sentence of a transcript, a part of a page, a label during some seconds, or another detection.
`passages_fts` has the same columns in both databases: `rowid`, the id of the passage, and `terms`. In SQLite it is an
FTS5 table without content, in PostgreSQL a table with a tsvector. `headrace.console.search.analysis` creates the terms.
"""

from __future__ import annotations

from sqlalchemy import Column, Connection, Double, Index, Integer, Table, event

from headrace.console.views.metadata import BYTES, METADATA, NUMBER, ROW_ID, SIGN_BITS, TEXT

passages = Table(
    "passages",
    METADATA,
    Column("id", ROW_ID, primary_key=True),
    Column("source_id", NUMBER, nullable=False),
    Column("version_id", NUMBER, nullable=False),
    Column("kind", TEXT, nullable=False),  # such as transcript, page, label: `headrace.streams.passages.passage`
    Column("name", TEXT, nullable=False),  # of a detection, in the form that filters compare; else empty
    Column("category", TEXT, nullable=False),  # the parent of a label, the type of an entity; else empty
    Column("text", TEXT, nullable=False),
    Column("language", TEXT, nullable=False),
    Column("confidence", Double),  # 0 to 100
    Column("start", Double),  # in seconds
    Column("end", Double),
    Column("page", Integer),
    Column("word_times", BYTES),  # start of each word in milliseconds, as unsigned 32-bit integers, little-endian
    Index(None, "source_id"),
    Index(None, "version_id", "kind"),
    Index(None, "kind", "name", "id"),
    Index(None, "kind", "category", "id"),
)

passage_bits = Table(
    "passage_bits",
    METADATA,
    Column("passage_id", NUMBER, primary_key=True, autoincrement=False),
    Column("version_id", NUMBER, nullable=False),
    Column("model", TEXT, nullable=False),
    Column("bits", SIGN_BITS, nullable=False),
    Index(None, "model", "passage_id"),
)
"""The sign bits of each vector, apart from the vectors: a search compares all of them."""

passage_vectors = Table(
    "passage_vectors",
    METADATA,
    Column("passage_id", NUMBER, primary_key=True, autoincrement=False),
    Column("vector", BYTES, nullable=False),  # numbers of 16 bits: `headrace.streams.passages.vectors`
)

_CREATE = {
    "sqlite": ("CREATE VIRTUAL TABLE passages_fts USING fts5(terms, content='', tokenize=\"ascii tokenchars '_'\")",),
    "postgresql": (
        "CREATE TABLE passages_fts (rowid bigint PRIMARY KEY, terms tsvector NOT NULL)",
        "CREATE INDEX ix_passages_fts_terms ON passages_fts USING gin (terms)",
    ),
}


@event.listens_for(passages, "after_create")
def _create_terms(_: Table, connection: Connection, **_options: object) -> None:
    for statement in _CREATE[connection.dialect.name]:
        connection.exec_driver_sql(statement)


@event.listens_for(passages, "before_drop")
def _drop_terms(_: Table, connection: Connection, **_options: object) -> None:
    connection.exec_driver_sql("DROP TABLE IF EXISTS passages_fts")
