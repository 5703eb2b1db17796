"""Known bugs of stream processors, to plant into a worker of a crash test."""

from __future__ import annotations

import uuid
from types import ModuleType

from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.records import Asset
from headrace.streams.engine import job_start, partition, scheduler
from headrace.streams.engine.account import OutcomeCount
from headrace.streams.engine.offset_tracker import OffsetTracker

BUGS = ("ack early", "dead letter not awaited", "no head check", "order by arrival", "drawn token")


class HighestMark(OffsetTracker):
    """Commits the highest finished offset even if earlier records are unfinished."""

    __slots__ = ("_highest",)

    def complete(self, offset: int, outcome: OutcomeCount = "done") -> None:
        """Record the highest offset."""
        super().complete(offset, outcome)
        self._highest = max(offset, getattr(self, "_highest", offset))

    def committable(self) -> int:
        """Return the offset after the highest finished one."""
        highest: int | None = getattr(self, "_highest", None)
        return self.position if highest is None else highest + 1


def plant(bug: str) -> None:
    """Patch a bug into this process, unless it is one of the sender."""
    if bug == "no head check":
        _replace(partition, "OffsetTracker", HighestMark)
    elif bug == "order by arrival":
        _replace(scheduler, "scheduling_key", _arrival)
    elif bug == "drawn token":
        _replace(job_start, "job_token", _drawn)


def only_promised(bug: str, step: str) -> bool:
    """Whether a bug makes `send` return before the acknowledgement."""
    return bug == "ack early" or (bug == "dead letter not awaited" and step == "letter")


def _replace(module: ModuleType, name: str, bug: object) -> None:
    """Replace what a module imported or defines.

    Raises:
        KeyError: the module does not use the name, so the bug would have no effect.
    """
    vars(module)[name]
    setattr(module, name, bug)


def _arrival(record: ConsumerRecord) -> object:
    return record.topic, record.partition, record.offset


def _drawn(stage: str, _asset: Asset, _options: str) -> str:
    return f"{stage}-{uuid.uuid4().hex}{'0' * 8}"
