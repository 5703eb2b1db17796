"""Read single records of the log for pages."""

from __future__ import annotations

from headrace.console.assets.read_service import asset_topics
from headrace.console.kafka.entry import LogEntry, open_record
from headrace.console.kafka.offsets import Position
from headrace.console.web.failures import NotFoundError
from headrace.console.web.services import ConsoleServices
from headrace.schemas import topics
from headrace.schemas.parsing import InvalidValueError, parse_int


def parse_position(text: str) -> Position:
    """Parse `topic/partition/offset`. Raises `NotFoundError`."""
    parts = text.rsplit("/", 2)
    try:
        return parts[0], parse_int(parts[1]), parse_int(parts[2])
    except (InvalidValueError, IndexError):
        raise NotFoundError("there is no such record: a position is topic/partition/offset") from None


def read_record(services: ConsoleServices, position: Position) -> LogEntry | None:
    """Read a record of a topic of the pipeline; None for other topics, and if it is gone."""
    if position[0] not in {*asset_topics(services.stages()), topics.BRIDGE_DLQ.name}:
        return None
    cluster = services.cluster()
    span = cluster.spans([position[0]]).get(position[:2])
    if span is None or not span.low <= position[2] < span.high:
        return None
    record = cluster.record(*position)
    return open_record(record, cluster.codec()) if record else None
