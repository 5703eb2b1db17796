"""Select the passages that match a search: full-text matches or detections, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, cast, column, exists, func, or_, select, table, text
from sqlalchemy.dialects.postgresql import TSQUERY

from headrace.console.search.request import DetectionFilter, SearchRequest
from headrace.console.search.text_query import TextQuery, to_fts5, to_tsquery
from headrace.console.search.weights import WEIGHTS
from headrace.console.views.asset_filter import NEWEST, conditions
from headrace.console.views.asset_tables import assets, text_sources, versions
from headrace.console.views.stored_text import to_stored
from headrace.console.views.text_tables import passages
from headrace.streams.passages.passage import PassageKind, filter_name

MOST_CANDIDATES = 2_000
"""Matching passages that are ranked. The newest are taken, so a search costs the same in a long history."""

_TERMS = table("passages_fts", column("rowid"), column("terms"))
_LANGUAGE_KINDS = ("transcript", "page", "translation", "summary", "language")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A matching passage, without its text."""

    id: int
    source: int
    version: int
    kind: PassageKind
    start: float | None
    page: int | None
    confidence: float | None
    words: int
    bucket: str
    key: str
    similarity: float | None = None


def newest_passage(connection: Connection) -> int:
    """Return the id of the newest passage; 0 if there is none."""
    return connection.scalar(select(func.max(passages.c.id))) or 0


def candidates(connection: Connection, request: SearchRequest, query: TextQuery | None, newest: int) -> list[Candidate]:
    """Return at most 2,001 matching passages up to the id `newest`, newest first."""
    if query is not None:
        return _rows(connection, _text_matches(connection, request, query), request, newest)
    first = request.detections[0]
    found = [_rows(connection, each, request, newest) for each in _detection_matches(first)]
    merged = {row.id: row for rows in found for row in rows}
    return sorted(merged.values(), key=lambda row: -row.id)[: MOST_CANDIDATES + 1]


def candidate_columns() -> Select[Any]:
    """Return a query of the columns of `Candidate`, but its similarity."""
    wanted = passages.c
    return select(
        wanted.id,
        wanted.source_id,
        wanted.version_id,
        wanted.kind,
        wanted.start,
        wanted.page,
        wanted.confidence,
        func.coalesce(text_sources.c.words, 0),
        assets.c.bucket,
        assets.c.key,
    )


def _text_matches(connection: Connection, request: SearchRequest, query: TextQuery) -> Select[Any]:
    if connection.dialect.name == "postgresql":
        matches: ColumnElement[bool] = _TERMS.c.terms.bool_op("@@")(cast(to_tsquery(query), TSQUERY))
    else:
        matches = text("passages_fts MATCH :fts_query").bindparams(fts_query=to_fts5(query))  # type: ignore[assignment]
    kinds = request.kinds or tuple(WEIGHTS)
    statement = candidate_columns().join_from(_TERMS, passages, passages.c.id == _TERMS.c.rowid)
    statement = statement.where(matches, passages.c.kind.in_(kinds)).order_by(_TERMS.c.rowid.desc())
    if request.language:
        statement = statement.where(or_(passages.c.language == "", _in_language(passages.c.language, request.language)))
    return statement


def _detection_matches(wanted: DetectionFilter) -> list[Select[Any]]:
    """Return a query for the name of a detection, and one for its category: each reads one index in order."""
    base = candidate_columns().select_from(passages).where(passages.c.kind == wanted.kind)
    base = base.order_by(passages.c.id.desc())
    if wanted.names:
        return [base.where(passages.c.name.in_(wanted.names), passages.c.category == "")]
    name = _name(wanted)
    if not name:
        return [base]
    return [base.where(passages.c.name == name), base.where(passages.c.category == name)]


def _rows(connection: Connection, statement: Select[Any], request: SearchRequest, newest: int) -> list[Candidate]:
    statement = (
        statement.join(text_sources, text_sources.c.id == passages.c.source_id)
        .join(versions, versions.c.id == passages.c.version_id)
        .join(assets, NEWEST)
        .where(assets.c.state != "deleted", passages.c.id <= newest, *_filters(request))
        .limit(MOST_CANDIDATES + 1)
    )
    return [Candidate(*row) for row in connection.execute(statement)]


def _filters(request: SearchRequest) -> Sequence[ColumnElement[bool]]:
    found = list(version_filters(request))
    if request.min_confidence is not None:
        confidence = passages.c.confidence
        found.append(or_(confidence.is_(None), confidence >= request.min_confidence))
    return found


def version_filters(request: SearchRequest) -> Sequence[ColumnElement[bool]]:
    """Return the conditions of a request for rows of `versions` and `assets`."""
    found = conditions(request.assets)
    found += [_has_detection(wanted, request.min_confidence) for wanted in request.detections]
    if request.language:
        other = passages.alias("in_language")
        in_language = _in_language(other.c.language, request.language)
        found.append(
            exists().where(other.c.version_id == versions.c.id, other.c.kind.in_(_LANGUAGE_KINDS), in_language)
        )
    return found


def _has_detection(wanted: DetectionFilter, min_confidence: float | None) -> ColumnElement[bool]:
    other = passages.alias()
    found = [other.c.version_id == versions.c.id, other.c.kind == wanted.kind]
    if wanted.names:
        found.append(other.c.name.in_(wanted.names))
    elif name := _name(wanted):
        found.append(or_(other.c.name == name, other.c.category == name))
    if min_confidence is not None:
        found.append(or_(other.c.confidence.is_(None), other.c.confidence >= min_confidence))
    return exists().where(*found)


def _in_language(language: ColumnElement[str], code: str) -> ColumnElement[bool]:
    """Compare a language with a code such as `en` or `en-US`; `en` matches both."""
    wanted = to_stored(code.lower())
    return or_(language == wanted, func.substr(language, 1, len(wanted) + 1) == f"{wanted}-")


def _name(wanted: DetectionFilter) -> str:
    return to_stored(filter_name(wanted.name))
