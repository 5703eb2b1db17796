"""Records that the broker deleted before a stage read them: facts on the compacted topic `system.losses`.

A loss is recorded before the stage commits an offset behind it. An operator acknowledges it, once the records are
published again: `headrace audit acknowledge`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from headrace.schemas import topics
from headrace.schemas.cloudevents import timestamp
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.parsing import InvalidValueError, parse_struct
from headrace.streams.engine.account import LATEST_TIME


class LostRange(NamedTuple):
    """Lost offsets of one partition: `begin` up to but not including `end`.

    `after` and `before` are the broker timestamps, in seconds, of the records around them; 0 if unknown.
    """

    topic: str
    partition: int
    begin: int
    end: int
    after: float = 0.0
    before: float = 0.0


async def ignore_loss(loss: LostRange) -> None:
    """Record nothing: a scheduler without a broker loses no records."""


class RecordsLost(msgspec.Struct, frozen=True, omit_defaults=True):
    """A range of lost records: offsets `begin` up to but not including `end` of one partition of a stage's input.

    The records were written between the times `after` and `before` (RFC 3339); empty if unknown. `at` is when the loss
    was detected. `acknowledged_*` are set once an operator has dealt with it.
    """

    stage: str
    topic: str
    partition: int
    begin: int
    end: int
    at: str
    after: str = ""
    before: str = ""
    acknowledged_by: str = ""
    acknowledged_at: str = ""
    acknowledged_reason: str = ""

    @property
    def id(self) -> str:
        """The key of the fact. A worker that crashes before its commit writes the same fact again."""
        return f"{self.stage}/{self.topic}/{self.partition}/{self.begin}"

    @property
    def records(self) -> int:
        """The number of lost records."""
        return self.end - self.begin

    def describe(self) -> str:
        """Return one line for an operator."""
        period = f", written between {self.after or 'an unknown time'} and {self.before or self.at}"
        return (
            f"{self.stage} lost {self.records} records of {self.topic}/{self.partition}: offsets {self.begin} to "
            f"{self.end - 1} were deleted before it read them{period}"
        )


def records_lost(stage: str, loss: LostRange, now: datetime) -> RecordsLost:
    """Return the fact of a loss."""
    where = (loss.topic, loss.partition, loss.begin, loss.end)
    return RecordsLost(stage, *where, timestamp(now), _text(loss.after), _text(loss.before))


def to_record(loss: RecordsLost) -> ProducerRecord:
    """Return the record of a loss. Compaction keeps the newest of each id."""
    return ProducerRecord(topics.LOSSES.name, loss.id.encode(), msgspec.json.encode(loss))


def from_value(value: bytes) -> RecordsLost | None:
    """Decode a loss; None if the bytes are not one."""
    try:
        return parse_struct(value, RecordsLost)
    except InvalidValueError:
        return None


def _text(time: float) -> str:
    """Format a broker timestamp. A record may have any, or none, which Kafka reports as -1 ms."""
    return timestamp(datetime.fromtimestamp(time, UTC)) if 0 < time <= LATEST_TIME else ""
