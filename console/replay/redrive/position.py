"""The position of a stage's redrives: a consumer group on its dead-letter topic. Pure.

The committed offset is the lowest unresolved dead letter. Redriven dead letters above it are known from the retry
topic, whose records name the dead letter they come from.

Each commit carries metadata. An offset that was set manually, with `headrace replay rewind` or Kafka's own tool, has
none: then the dead letters after it are redriven again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from headrace.console.kafka.offsets import CommittedOffset, OffsetRange
from headrace.schemas.parsing import InvalidValueError, parse_struct
from headrace.streams.engine.offset_tracker import OffsetTracker

LetterOffset = tuple[int, int]
"""A partition of the dead-letter topic and an offset in it."""


class CommitMetadata(msgspec.Struct, frozen=True):
    """Metadata of the committed offset.

    `since` maps each partition of the retry topic to the first offset that counts as redriven. Dead letters before
    `redrive_again` are redriven even if the stage has a result.
    """

    since: dict[int, int] = {}
    redrive_again: int = 0

    def __str__(self) -> str:
        """Return the JSON that Kafka stores with the offset."""
        return msgspec.json.encode(self).decode()


@dataclass(frozen=True, slots=True)
class RedrivePosition:
    """The redrive position in one partition of the dead-letter topic: `start` to `end` are not yet resolved.

    `committed` is the committed offset or None; `was_set` is true if it was set manually since the last redrive.
    """

    committed: int | None
    start: int
    end: int
    note: CommitMetadata
    was_set: bool = False

    @property
    def position(self) -> CommittedOffset:
        """The offset to commit before the first record is sent."""
        return CommittedOffset(self.start, str(self.note))


def redrive_position(
    span: OffsetRange, position: CommittedOffset | None, retry_ends: Mapping[int, int]
) -> RedrivePosition:
    """Return the position in a partition; `retry_ends` are the end offsets of the retry topic."""
    if position is None:
        return RedrivePosition(None, span.low, span.high, CommitMetadata())
    start = max(position.offset, span.low)
    try:
        return RedrivePosition(position.offset, start, span.high, parse_struct(position.note, CommitMetadata))
    except InvalidValueError:
        return RedrivePosition(
            position.offset, start, span.high, CommitMetadata(dict(retry_ends), span.high), was_set=True
        )


class PositionTracker:
    """Track which offset may be committed as dead letters are resolved."""

    def __init__(self, positions: Mapping[int, RedrivePosition], unresolved: Iterable[LetterOffset]) -> None:
        self._positions = positions
        self._trackers = {partition: OffsetTracker(each.end) for partition, each in positions.items()}
        for partition, offset in sorted(unresolved):
            self._trackers[partition].add([(offset, 0.0)])

    def resolve(self, spot: LetterOffset) -> None:
        """Mark a dead letter as resolved."""
        self._trackers[spot[0]].complete(spot[1])

    def now(self) -> dict[int, CommittedOffset]:
        """Return the offset to commit per partition: the lowest unresolved dead letter, or the end of the range."""
        return {partition: self._position(partition, tracker) for partition, tracker in self._trackers.items()}

    def _position(self, partition: int, tracker: OffsetTracker) -> CommittedOffset:
        each = self._positions[partition]
        lowest = tracker.committable() if tracker.unfinished else None
        return CommittedOffset(each.end if lowest is None else lowest, str(each.note))
