"""Find where the assignment of a partition starts, and what is missing there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from faust.types import TP

from headrace.streams.engine.account import Account, from_metadata
from headrace.streams.engine.losses import LostRange
from headrace.streams.kafka.consumer_thread import ConsumerThread

TRUNCATION_MARGIN_SECONDS = 600.0
"""How far behind its newest finished record a stage starts again after the log was truncated. Clocks differ."""


@dataclass(frozen=True, slots=True)
class StartOffset:
    """The committed offset with its account, the loss behind it, and the range of the partition."""

    offset: int
    begin: int
    end: int
    account: Account
    loss: LostRange | None = None

    @property
    def next_offset(self) -> int:
        """The first offset to fetch."""
        return self.loss.end if self.loss is not None else self.offset

    @property
    def has_records(self) -> bool:
        """Whether the partition has records."""
        return self.begin < self.end


async def find_starts(consumer: Any, thread: ConsumerThread, partitions: Iterable[TP]) -> dict[TP, StartOffset]:
    """Return the start of each partition. A partition without a committed offset starts at its beginning."""
    wanted = list(partitions)
    if not wanted:
        return {}
    committed = await thread.committed(wanted)
    begins, ends = await consumer.earliest_offsets(*wanted), await consumer.highwaters(*wanted)
    starts = {tp: start_of(tp, committed.get(tp), begins[tp], ends[tp]) for tp in wanted}
    truncated = {tp: start for tp, start in starts.items() if start.offset > start.end}
    if truncated:
        times = {tp: start.account.time - TRUNCATION_MARGIN_SECONDS for tp, start in truncated.items()}
        offsets = await thread.first_offsets_since(times)
        for tp, start in truncated.items():
            starts[tp] = StartOffset(
                offsets[tp], start.begin, start.end, Account(offsets[tp], before=start.account.finished)
            )
    return starts


def start_of(tp: TP, committed: tuple[int, str] | None, begin: int, end: int) -> StartOffset:
    """Return the start of a partition from its committed offset and metadata, its beginning and its end."""
    if committed is None:
        return StartOffset(begin, begin, end, Account(begin))
    offset, metadata = committed
    account = from_metadata(metadata)
    if account is None or account.start > offset:  # committed by another program, as a reset of offsets does
        account = Account(offset, before=max(0, offset - begin))
    if begin <= offset:
        return StartOffset(offset, begin, end, account)
    return StartOffset(offset, begin, end, account, LostRange(tp.topic, tp.partition, offset, begin, account.time))
