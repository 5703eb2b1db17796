"""How two rows of one key merge. Pure.

Every merge is associative, and for rows of different records commutative, so that the order in which partitions are
read does not change a table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from headrace.console.views.rows import FactRow, JobRow, LetterRow, StageRow, VersionRow

T = TypeVar("T", str, int, float)


def merge_facts(one: FactRow, other: FactRow) -> FactRow:
    """Merge deliveries of one event: the first counts; of a dead letter, the newest.

    A row without deliveries is from the results bucket, and has no position on the log.
    """
    if one.letter or other.letter:
        kept = max(one, other, key=lambda row: (row.letter is not None, row.at, row.partition, row.offset))
    else:
        kept = min(one, other, key=lambda row: (row.deliveries == 0, row.partition, row.offset))
    return kept._replace(deliveries=one.deliveries + other.deliveries)


def merge_removals(one: tuple[Any, ...], other: tuple[Any, ...]) -> tuple[Any, ...]:
    """Keep the last removal of a version. Both begin with their identity."""
    return max(one, other, key=lambda row: (row[9], row[10]))  # partition and offset


def merge_stages(one: StageRow, other: StageRow) -> StageRow:
    """Keep the newest result of a stage, or what happened to it last if it has none."""
    return max(one, other, key=_stage_order)


def _stage_order(row: StageRow) -> tuple[bool, float, str]:
    return row.status == "done", row.at, f"{row.topic}/{row.partition}/{row.offset}"


def merge_versions(one: VersionRow, other: VersionRow) -> VersionRow:
    """Merge what two events say about a version: equal, except for what only one knows."""
    return VersionRow(
        max(one.sequencer, other.sequencer),
        _chosen(max, one.version_id, other.version_id),
        max(one.etag, other.etag),
        max(one.size, other.size),
        _chosen(max, one.kind, other.kind),
        _chosen(min, one.uploaded_at, other.uploaded_at),
        _chosen(min, one.completed_at, other.completed_at),
        _chosen(min, one.deleted_at, other.deleted_at),
    )


def merge_jobs(one: JobRow, other: JobRow) -> JobRow:
    """Merge the start and the completions of a job. The last completion counts."""
    ends = [(row.finished_at, row.status or "", row.message) for row in (one, other) if row.finished_at is not None]
    finished_at, status, message = max(ends, key=lambda end: (end[0], end[1], end[2] or ""), default=(None, "", None))
    first = min(one, other, key=lambda row: (row.version is None, row[1:5]))
    return JobRow(
        first.version,
        first.stage,
        first.service,
        first.operation,
        first.job_id,
        _chosen(min, one.started_at, other.started_at),
        _chosen(max, one.deadline_at, other.deadline_at),
        finished_at,
        status or None,
        message,
    )


def merge_letters(one: LetterRow, other: LetterRow) -> LetterRow:
    """Keep the newest record of a dead letter. All have one key, and so one partition, unless partitions are added."""
    newest = max(one, other, key=lambda row: (row.partition, row.offset))
    return newest._replace(records=one.records + other.records)


def text_order(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Order the sources of one text by time. The id decides between equal times, in any order of the records."""
    return row[3], row[1]


def _chosen(choose: Callable[[T, T], T], one: T | None, other: T | None) -> T | None:
    """Choose one of two values; a missing one is never chosen."""
    if one is None or other is None:
        return other if one is None else one
    return choose(one, other)
