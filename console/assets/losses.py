"""Name the way to get lost records back, and acknowledge losses. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from headrace.console.errors import CommandError
from headrace.console.kafka.offsets import GroupState, OffsetRange, TopicAndPartition
from headrace.schemas import topics
from headrace.schemas.cloudevents import timestamp
from headrace.schemas.messages import ProducerRecord
from headrace.streams.engine.losses import RecordsLost, to_record
from headrace.streams.stage import Stage


def remedy(loss: RecordsLost, stages: Iterable[Stage]) -> str:
    """Return how to get lost records again: from the bucket, or from the stage that wrote them."""
    if loss.topic == topics.UPLOADED.name:
        since = f" --since {loss.after}" if loss.after else ""
        return f"headrace backfill s3://BUCKET{since} --execute"
    writers = [stage.name for stage in stages if stage.writes is not None and stage.writes.name == loss.topic]
    if loss.topic == topics.retry(loss.stage).name:
        writers = [loss.stage]
    if not writers:
        return f"publish the records of {loss.topic} again"
    return " and ".join(f"headrace replay rewind {name} --to {loss.after or 'earliest'} --execute" for name in writers)


def unrecorded(group: GroupState, place: TopicAndPartition, span: OffsetRange, losses: Iterable[RecordsLost]) -> int:
    """Count deleted records of a partition that the group has not read, and that no worker has recorded yet.

    A worker records them once it starts. `losses` are those of the stage.
    """
    committed = group.committed.get(place, span.low)
    recorded = sum(loss.records for loss in of_partition(losses, place) if loss.begin >= committed)
    return max(0, span.low - committed - recorded)


def of_partition(losses: Iterable[RecordsLost], place: TopicAndPartition) -> list[RecordsLost]:
    """Return the losses of one partition."""
    return [loss for loss in losses if (loss.topic, loss.partition) == place]


def acknowledgements(
    known: Iterable[RecordsLost], ids: Sequence[str], operator: str, why: str, now: datetime
) -> list[ProducerRecord]:
    """Return the records that acknowledge losses.

    Raises:
        CommandError: a loss is unknown, or the reason is empty.
    """
    by_id = {loss.id: loss for loss in known}
    if unknown := [id_ for id_ in ids if id_ not in by_id]:
        raise CommandError(f"no loss {', '.join(unknown)}. To list losses: headrace audit losses --all")
    if not why.strip():
        raise CommandError("the reason is empty: give one with --why")
    changes = {"acknowledged_by": operator, "acknowledged_at": timestamp(now), "acknowledged_reason": why.strip()}
    return [to_record(msgspec.structs.replace(by_id[id_], **changes)) for id_ in ids]
