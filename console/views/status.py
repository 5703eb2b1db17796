"""The state of the views: lag, unreadable records and gaps by topic."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from headrace.console.errors import CommandError
from headrace.console.kafka.log_reader import LogReader
from headrace.console.terminal.formatting import format_duration, format_time, pluralize
from headrace.console.terminal.screen import Console, Table, Text
from headrace.console.views.database import lag, open_views
from headrace.console.views.service import ViewsService
from headrace.console.views.stored_text import from_stored
from headrace.console.views.tables import gaps, offsets, text_sources, undecodable

SHOWN = 10


@dataclass(frozen=True, slots=True)
class TopicLag:
    """A topic: records that were folded, records behind, and records that were not readable."""

    topic: str
    records: int
    lag: int
    unreadable: int


@dataclass(frozen=True, slots=True)
class UnreadableRecord:
    """A record that could not be read."""

    record: str
    reason: str


@dataclass(frozen=True, slots=True)
class ExpiredRange:
    """Records that expired before they were folded."""

    topic: str
    partition: int
    first: int
    next: int
    detected_at: float


@dataclass(frozen=True, slots=True)
class ViewsStatus:
    """The views. `seconds` is the time since the projector had read everything; None if it never had.

    `unindexed` counts the results whose text `headrace search` does not find yet.
    """

    name: str
    lag: int
    seconds: float | None
    topics: tuple[TopicLag, ...]
    unreadable: tuple[UnreadableRecord, ...]
    gaps: tuple[ExpiredRange, ...]
    unindexed: int = 0


def read(service: ViewsService) -> ViewsStatus:
    """Compare the views with the log.

    Raises:
        CommandError: there are no views.
    """
    views = open_views()
    if views is None:
        raise CommandError(f"there are no views in {service.place.name}: headrace views run builds them")
    spans = LogReader(service.kafka).spans(service.topics)
    with views.connect() as connection:
        stored = {(row.topic, row.partition): row for row in connection.execute(select(offsets))}
        found: dict[str, TopicLag] = {}
        for (topic, partition), span in spans.items():
            row = stored.get((topic, partition))
            behind = span.high - max(span.low, row.next if row else 0)
            before = found.get(topic, TopicLag(topic, 0, 0, 0))
            found[topic] = TopicLag(
                topic,
                before.records + (row.records if row else 0),
                before.lag + max(0, behind),
                before.unreadable + (row.undecodable if row else 0),
            )
        return status_of(views.name, connection, tuple(found.values()))


def status_of(name: str, connection: Connection, topics: tuple[TopicLag, ...]) -> ViewsStatus:
    """Read what the views know of themselves; `topics` are compared with the log."""
    seconds = lag(connection, time.time()).seconds
    first = select(undecodable).order_by(undecodable.c.topic, undecodable.c.offset).limit(SHOWN)
    unreadable = connection.execute(first)
    pending = select(func.count()).select_from(text_sources).where(text_sources.c.state == "pending")
    return ViewsStatus(
        name,
        sum(topic.lag for topic in topics),
        None if seconds == float("inf") else round(seconds, 1),
        topics,
        tuple(
            UnreadableRecord(f"{row.topic}/{row.partition}/{row.offset}", from_stored(row.reason)) for row in unreadable
        ),
        tuple(ExpiredRange(*row) for row in connection.execute(select(gaps).order_by(gaps.c.detected_at))),
        connection.execute(pending).scalar_one(),
    )


def serialize(status: ViewsStatus) -> dict[str, Any]:
    """Convert the status to JSON data."""
    return asdict(status)


def show(status: ViewsStatus, console: Console) -> None:
    """Print the status."""
    table = Table("topic", box=None, pad_edge=False, header_style="bold")
    for column in ("folded", "lag", "unreadable"):
        table.add_column(column, justify="right")
    for each in status.topics:
        if each.records or each.lag:
            style = "red" if each.unreadable else ""
            table.add_row(each.topic, f"{each.records:,}", f"{each.lag:,}", f"{each.unreadable:,}", style=style)
    console.print(table)
    for unreadable in status.unreadable:
        console.print(Text(f"unreadable: {unreadable.record}: {unreadable.reason}", "red"), soft_wrap=True)
    for gap in status.gaps:
        console.print(Text(f"{_describe(gap)}, noticed {format_time(gap.detected_at)}", "red"), soft_wrap=True)
    if status.unindexed:
        waiting = pluralize(status.unindexed, "result")
        console.print(Text(f"search: the text of {waiting} is not indexed yet; headrace views run indexes it"))
    behind = "never caught up" if status.seconds is None else f"caught up {format_duration(status.seconds)} ago"
    console.print(Text(f"views in {status.name}: {status.lag:,} records behind the log, {behind}"), soft_wrap=True)


def _describe(gap: ExpiredRange) -> str:
    if gap.first == gap.next:  # nothing is known to be missing
        return f"topic created again: {gap.topic}/{gap.partition} was read to offset {gap.first}"
    return f"deleted before they were folded: {gap.topic}/{gap.partition}, offsets {gap.first} to {gap.next - 1}"
