"""Search the views: assets with the moments that match, best first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, Row, and_, select

from headrace.console.search.analysis import STEM_LANGUAGES, base_language
from headrace.console.search.candidates import MOST_CANDIDATES, candidates, newest_passage
from headrace.console.search.excerpt import excerpt
from headrace.console.search.nearest import nearest
from headrace.console.search.ranking import RankedAsset, rank, rank_by_similarity
from headrace.console.search.request import (
    LARGEST_PAGE,
    AssetMatch,
    DetectionFilter,
    InvalidSearchError,
    Moment,
    PagePosition,
    SearchPage,
    SearchRequest,
    decode_position,
    encode_position,
    search_digest,
)
from headrace.console.search.text_query import InvalidQueryError, TextQuery, parse_query
from headrace.console.views.asset_tables import stage_states, text_sources, versions
from headrace.console.views.queries import people
from headrace.console.views.queries.people import Person
from headrace.console.views.stored_text import from_stored
from headrace.console.views.text_tables import passages

MOMENTS = 3
"""Moments of each asset."""


def search(connection: Connection, request: SearchRequest) -> SearchPage:
    """Return a page of assets.

    Raises:
        InvalidSearchError: the text, a filter or the page is invalid.
    """
    query = _query(request)
    position = decode_position(request)
    newest = position.newest if position else newest_passage(connection)
    named = with_faces(connection, request)
    if request.like is not None:
        found, complete = nearest(connection, named, request.like, newest)
        ranked = rank_by_similarity(found)
    else:
        found = candidates(connection, named, query, newest)
        complete = len(found) <= MOST_CANDIDATES
        ranked = rank(found[:MOST_CANDIDATES], by_text=query is not None)
    if position:
        after = (-position.score, position.bucket, position.key)
        ranked = [asset for asset in ranked if asset.order > after]
    page = ranked[: request.limit]
    token = None
    if len(ranked) > len(page):
        last = page[-1]
        token = encode_position(PagePosition(last.score, last.bucket, last.key, newest, search_digest(request)))
    return SearchPage(_matches(connection, page, query), token, complete)


def with_faces(connection: Connection, request: SearchRequest) -> SearchRequest:
    """Return a request with the faces of each person that it names.

    Raises:
        InvalidSearchError: no person has this name.
    """
    if not any(wanted.kind == "person" and wanted.name for wanted in request.detections):
        return request
    return replace(request, detections=tuple(_with_faces(connection, wanted) for wanted in request.detections))


def _with_faces(connection: Connection, wanted: DetectionFilter) -> DetectionFilter:
    if wanted.kind != "person" or not wanted.name:
        return wanted
    faces = people.faces_named(connection, wanted.name)
    if not faces:
        raise InvalidSearchError(f"--person {wanted.name}: no person has this name; `headrace faces list` lists people")
    return replace(wanted, names=tuple(sorted(faces)))


def _query(request: SearchRequest) -> TextQuery | None:
    """Parse the text of a request; None if it searches for detections only."""
    if not 1 <= request.limit <= LARGEST_PAGE:
        raise InvalidSearchError(f"--limit {request.limit}: from 1 to {LARGEST_PAGE}")
    confidence = request.min_confidence
    if confidence is not None and not 0 <= confidence <= 100:
        raise InvalidSearchError(f"--min-confidence {confidence:g}: from 0 to 100")
    times = request.assets
    if times.since is not None and times.until is not None and times.since >= times.until:
        raise InvalidSearchError("--since is not before --until: no asset can match")
    if request.like is not None and request.text.strip():
        raise InvalidSearchError("give a text or --like, not both: --like compares meanings, a text finds words")
    if not request.text.strip():
        if request.like is None and not request.detections:
            raise InvalidSearchError(
                "a search needs a text, or a filter such as --label, --face or --entity. "
                "`headrace assets list` lists assets by other filters"
            )
        return None
    language = base_language(request.language)
    if request.language and language not in STEM_LANGUAGES and not language.isalpha():
        raise InvalidSearchError(f"--language {request.language}: use a code such as en or en-US")
    try:
        return parse_query(request.text, [language] if request.language else ())
    except InvalidQueryError as error:
        raise InvalidSearchError(str(error)) from error


def _matches(connection: Connection, page: Sequence[RankedAsset], query: TextQuery | None) -> tuple[AssetMatch, ...]:
    if not page:
        return ()
    shown = {each.id for asset in page for each in asset.passages[:MOMENTS]}
    location = and_(stage_states.c.version_id == passages.c.version_id, stage_states.c.stage == text_sources.c.stage)
    statement = (
        select(passages, text_sources.c.stage, stage_states.c.location)
        .join(text_sources, text_sources.c.id == passages.c.source_id)
        .outerjoin(stage_states, location)
        .where(passages.c.id.in_(shown))
    )
    rows = {row.id: row for row in connection.execute(statement)}
    ids = [asset.version for asset in page]
    names = {row.id: row for row in connection.execute(select(versions).where(versions.c.id.in_(ids)))}
    pictures = _thumbnails(connection, ids)
    known = people.people_of_faces(connection, [row.name for row in rows.values() if row.kind == "person"])
    return tuple(
        AssetMatch(
            bucket=from_stored(asset.bucket),
            key=from_stored(asset.key),
            version=from_stored(names[asset.version].version),
            kind=names[asset.version].kind,
            score=asset.score,
            matches=len(asset.passages),
            moments=tuple(
                replace(_moment(rows[each.id], query, pictures[asset.version], known), similarity=each.similarity)
                for each in asset.passages[:MOMENTS]
            ),
        )
        for asset in page
    )


def _thumbnails(connection: Connection, ids: Sequence[int]) -> dict[int, list[tuple[float, str]]]:
    """Return the pictures of versions: their times in seconds and locations."""
    wanted = passages.c
    statement = select(wanted.version_id, wanted.start, wanted.text).where(
        wanted.version_id.in_(ids), wanted.kind == "thumbnail"
    )
    found: defaultdict[int, list[tuple[float, str]]] = defaultdict(list)
    for version, start, location in connection.execute(statement):
        found[version].append((start or 0.0, from_stored(location)))
    return found


def _moment(
    row: Row[tuple[object, ...]], query: TextQuery | None, pictures: list[tuple[float, str]], known: dict[str, Person]
) -> Moment:
    words = people.display_name(row.name, known) if row.kind == "person" else from_stored(row.text)
    part = excerpt(words, from_stored(row.language), query, row.word_times)
    seconds = part.seconds if part.seconds is not None else row.start
    nearest = min(pictures, key=lambda picture: (abs(picture[0] - (seconds or 0.0)), picture), default=None)
    return Moment(
        kind=row.name if row.kind == "vector" else row.kind,
        stage=row.stage,
        excerpt=part.text,
        matches=part.matches,
        seconds=seconds,
        end_seconds=row.end,
        page=row.page,
        confidence=row.confidence,
        result=row.location,
        thumbnail=nearest[1] if nearest else None,
    )
