"""Find the passages whose vectors are nearest to a vector.

The sign bits of all vectors are compared first: their distance estimates the angle. The vectors of the best passages
are then compared exactly. `bench/results/nearest.json` has the recall and the times.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Select, cast, func, literal, select
from sqlalchemy.dialects.postgresql import BIT

from headrace.console.search.candidates import Candidate, candidate_columns, version_filters
from headrace.console.search.index_store import stored_bits
from headrace.console.search.request import LikeFilter, SearchRequest
from headrace.console.views.asset_filter import NEWEST
from headrace.console.views.asset_tables import assets, text_sources, versions
from headrace.console.views.stored_text import to_stored
from headrace.console.views.text_tables import passage_bits, passage_vectors, passages
from headrace.streams.passages.vectors import cosine, sign_bits, unpack_vector

MOST_COMPARED = 1_000_000
"""Vectors that a search compares, the newest ones."""
RESCORED = 1_000
"""Vectors that are compared exactly."""
DISTANCE = "headrace_bit_distance"
"""The function of SQLite: the number of bits in which a value differs from those of the search."""


def nearest(
    connection: Connection, request: SearchRequest, like: LikeFilter, newest: int
) -> tuple[list[Candidate], bool]:
    """Return the nearest passages up to the id `newest`, and whether all vectors were compared."""
    ids = list(connection.scalars(_nearest_bits(connection, request, like, newest)))
    wanted = unpack_vector(like.vector)
    query = candidate_columns().add_columns(passage_vectors.c.vector)
    query = (
        query.select_from(passages)
        .join(passage_vectors, passage_vectors.c.passage_id == passages.c.id)
        .join(text_sources, text_sources.c.id == passages.c.source_id)
        .join(versions, versions.c.id == passages.c.version_id)
        .join(assets, NEWEST)
        .where(passages.c.id.in_(ids))
    )
    found = [
        replace(Candidate(*row[:-1]), similarity=round(cosine(unpack_vector(row[-1]), wanted), 6))
        for row in connection.execute(query)
    ]
    return found, _count(connection, like.model, newest) <= MOST_COMPARED


def _nearest_bits(connection: Connection, request: SearchRequest, like: LikeFilter, newest: int) -> Select[Any]:
    """Return the query of the ids of the passages whose sign bits differ in the fewest places."""
    filters = [assets.c.state != "deleted", *version_filters(request)]
    if like.key:
        filters.append((assets.c.bucket != to_stored(like.bucket)) | (assets.c.key != to_stored(like.key)))
    matching = select(versions.c.id).join(assets, NEWEST).where(*filters)
    bits = (
        select(passage_bits)
        .where(passage_bits.c.model == like.model, passage_bits.c.passage_id <= newest)
        .order_by(passage_bits.c.passage_id.desc())
        .limit(MOST_COMPARED)
        .subquery()
    )
    wanted = sign_bits(like.vector)
    if connection.dialect.name == "postgresql":
        value = cast(literal(stored_bits(connection, wanted)), BIT(varying=True))
        distance: Any = func.bit_count(bits.c.bits.op("#")(value))
    else:
        _create_distance(connection, wanted)
        distance = getattr(func, DISTANCE)(bits.c.bits)
    order = (distance, bits.c.passage_id.desc())
    return select(bits.c.passage_id).where(bits.c.version_id.in_(matching)).order_by(*order).limit(RESCORED)


def _create_distance(connection: Connection, wanted: bytes) -> None:
    number = int.from_bytes(wanted)

    def distance(bits: bytes) -> int:
        return (int.from_bytes(bits) ^ number).bit_count()

    driver: Any = connection.connection.driver_connection
    driver.create_function(DISTANCE, 1, distance)


def _count(connection: Connection, model: str, newest: int) -> int:
    """Return the number of vectors of a model, counted up to one more than are compared."""
    counted = (
        select(literal(1))
        .select_from(passage_bits)
        .where(passage_bits.c.model == model, passage_bits.c.passage_id <= newest)
        .limit(MOST_COMPARED + 1)
        .subquery()
    )
    return connection.scalar(select(func.count()).select_from(counted)) or 0
