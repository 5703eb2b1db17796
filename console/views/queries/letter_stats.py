"""Counts of dead letters in the views, as `headrace.console.dlq.stats` describes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import ColumnElement, Connection, case, func, select

from headrace.console.dlq.stats import (
    OTHER,
    REMEMBERED,
    FailureKindKey,
    LetterGroup,
    LetterStats,
    format_failure,
    hour_of,
    total,
)
from headrace.console.views.queries.rounding import RoundedDown
from headrace.console.views.stored_text import from_stored
from headrace.console.views.tables import dead_letters
from headrace.schemas.redaction import redact

HOUR = 3600

_COLUMNS = dead_letters.c
_KIND = (_COLUMNS.stage, _COLUMNS.code, _COLUMNS["class"], _COLUMNS.kind)


def stats(connection: Connection, topics: Collection[str]) -> LetterStats:
    """Count the dead letters, and group them by similar reasons."""
    letters, records = connection.execute(
        select(func.count(case((_COLUMNS.resolved, 1))), func.coalesce(func.sum(_COLUMNS.records), 0)).where(
            _COLUMNS.topic.in_(topics)
        )
    ).one()
    groups = total([LetterStats(tuple(_groups(connection, topics)))]).groups
    return LetterStats(groups, int(records), letters)


def _groups(connection: Connection, topics: Collection[str]) -> list[LetterGroup]:
    """Return a group for each kind and hour."""
    wanted = _open_letters(topics)
    examples = _examples(connection, wanted)
    hour = RoundedDown(_COLUMNS.failed_at / HOUR)
    counted = (func.count(), func.min(_COLUMNS.failed_at), func.max(_COLUMNS.failed_at))
    rows = connection.execute(select(*_KIND, hour, *counted).where(*wanted).group_by(*_KIND, hour))
    kinds: set[FailureKindKey] = set()
    groups = []
    for stage, code, name, reason, _, letters, first, last in rows:
        kind = _kind(kinds, stage, code, name, reason)
        example = examples[stage, code, name, reason]
        times = format_failure(first), format_failure(last)
        groups.append(LetterGroup(kind, letters, *times, example, {hour_of(first): letters}))
    return groups


def _kind(kinds: set[FailureKindKey], stage: str, code: str, name: str, reason: str) -> FailureKindKey:
    """Return the kind of a row. Kinds above `REMEMBERED` are combined by stage, code and class."""
    known = redact(from_stored(code)) or "unknown", redact(from_stored(name))
    kind = FailureKindKey(stage, *known, from_stored(reason))
    if kind not in kinds and len(kinds) >= REMEMBERED:
        kind = FailureKindKey(stage, *known, OTHER)
    kinds.add(kind)
    return kind


def _examples(
    connection: Connection, wanted: Collection[ColumnElement[bool]]
) -> Mapping[tuple[str, str, str, str], str]:
    """Return the id of the dead letter of each kind that failed last; of several, the greatest id."""
    order = (_COLUMNS.failed_at.desc(), _COLUMNS.id.desc())
    number = func.row_number().over(partition_by=_KIND, order_by=order).label("number")
    ranked = select(*_KIND, _COLUMNS.id, number).where(*wanted).subquery()
    rows = connection.execute(select(ranked).where(ranked.c.number == 1))
    return {(row.stage, row.code, row[2], row.kind): row.id for row in rows}


def _open_letters(topics: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    return _COLUMNS.topic.in_(topics), ~_COLUMNS.resolved
