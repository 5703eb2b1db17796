"""Topics that were deleted and created again: their offsets begin at 0 again."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from headrace.console.kafka.offsets import TopicAndPartition
from headrace.console.views import specs
from headrace.console.views.apply_operations import OffsetMovedError
from headrace.console.views.sql_store import SqlStore
from headrace.console.views.store import put
from headrace.console.views.tables import audit, offsets, undecodable
from headrace.schemas import topics


def forget_partition(connection: Connection, place: TopicAndPartition, first: int, now: float) -> int:
    """Delete what is stored by offset, and record a gap from the stored offset `first` on. Return its end.

    The gap is empty if the projector had read the deleted topic to its end. What was folded stays, and its events are
    recognised by their ids.

    Raises:
        OffsetMovedError: another projector has changed the stored offset.
    """
    topic, partition = place
    stored = select(offsets.c.next, offsets.c.end).where(offsets.c.topic == topic, offsets.c.partition == partition)
    row = connection.execute(stored).first()
    if row is None or row.next != first:
        raise OffsetMovedError(f"{topic}/{partition} is not at {first}")
    connection.execute(delete(offsets).where(offsets.c.topic == topic, offsets.c.partition == partition))
    connection.execute(delete(undecodable).where(undecodable.c.topic == topic, undecodable.c.partition == partition))
    if topic == topics.AUDIT.name:
        connection.execute(delete(audit).where(audit.c.partition == partition))
    end: int = max(first, row.end)
    put(SqlStore(connection), specs.GAPS, {(*place, first): (end, now)}, lambda one, other: other)
    return end
