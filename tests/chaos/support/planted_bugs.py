"""The bugs that a runner like ours is known for, each to be planted into a worker of a crash test."""

from __future__ import annotations

import uuid

from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.records import Asset
from headrace.streams.engine import partition, runner, scheduler
from headrace.streams.engine.offset_tracker import OffsetTracker

BUGS = ("ack early", "dead letter not awaited", "no head check", "order by arrival", "drawn token")


class HighestMark(OffsetTracker):
    """Commits the highest finished offset, without a look at what is unfinished before it."""

    __slots__ = ("_highest",)

    def complete(self, offset: int) -> None:
        """Note the highest."""
        super().complete(offset)
        self._highest = max(offset, getattr(self, "_highest", offset))

    def committable(self) -> int:
        """Give the offset behind the highest finished one."""
        highest: int | None = getattr(self, "_highest", None)
        return self.position if highest is None else highest + 1


def plant(bug: str) -> None:
    """Bring a bug into this process, if it is not one of the sender's."""
    if bug == "no head check":
        vars(partition)["OffsetTracker"] = HighestMark
    elif bug == "order by arrival":
        vars(scheduler)["scheduling_key"] = _arrival
    elif bug == "drawn token":
        vars(runner)["job_token"] = _drawn


def only_promised(bug: str, step: str) -> bool:
    """Whether a bug makes the sender say that something was sent before it was."""
    return bug == "ack early" or (bug == "dead letter not awaited" and step == "letter")


def _arrival(record: ConsumerRecord) -> object:
    return record.topic, record.partition, record.offset


def _drawn(stage: str, _asset: Asset, _options: str) -> str:
    return f"{stage}-{uuid.uuid4().hex}{'0' * 8}"
