"""Topics that are deleted, or deleted and created again, below a running stage.

The group coordinator deletes the committed offsets of a deleted topic, and the stage reads a topic of the same name
from its beginning. Records of the deleted topic that it had not finished are lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress

from aiokafka.errors import KafkaError
from faust.types import TP

from headrace.streams.engine import metrics
from headrace.streams.engine.account import from_metadata
from headrace.streams.engine.losses import LostRange
from headrace.streams.engine.scheduler import KeyedScheduler
from headrace.streams.kafka.consumer_thread import ConsumerThread

ANSWER_SECONDS = 5.0


class LogTruncatedError(RuntimeError):
    """A partition ends before the offset that the stage reads next. The stage has to start again."""

    def __init__(self, tp: TP, offset: int, end: int) -> None:
        super().__init__(
            f"{tp.topic}/{tp.partition} ends at offset {end}, and the stage had read up to {offset}: the topic was"
            " created again, or its log was truncated"
        )


async def forget_deleted(thread: ConsumerThread, scheduler: KeyedScheduler, committed: Collection[TP]) -> None:
    """Forget revoked partitions whose committed offset is gone, so that it is not committed again.

    Their unfinished records are lost. Brokers that do not answer do not delay a rebalance further.
    """
    with suppress(TimeoutError, KafkaError):
        async with asyncio.timeout(ANSWER_SECONDS):
            left = await thread.committed(list(committed)) if committed else {}
            gone = [tp for tp in committed if tp not in left]
            ends = await thread.known_ends() if gone else {}
        for tp in gone:
            await _forget(scheduler, tp, ends.get(tp, 0))


async def _forget(scheduler: KeyedScheduler, tp: TP, end: int) -> None:
    where = (tp.topic, tp.partition)
    account = scheduler.account(where)
    if account is None:
        return
    offset, metadata = account
    action = "headrace topics apply, headrace audit losses"
    metrics.log.error("topic_deleted", topic=tp.topic, partition=tp.partition, offset=offset, end=end, action=action)
    if end > offset:
        known = from_metadata(metadata)
        await scheduler.record_loss(LostRange(*where, offset, end, known.time if known else 0.0))
    scheduler.forget([where])
