"""The position of a stage's redrives: a consumer group on its dead-letter topic. Pure.

It is committed as streams commit theirs: at the lowest letter that nobody has answered for. What was redriven above
that is known by the records themselves, which lie in the retry topic and say which letter they were.

With each commit goes a note. Whoever sets the offset by hand, with our command or with Kafka's own tool, leaves none:
that is how a redrive knows that the letters behind it are to be redriven again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from headrace.console.kafka.offsets import CommittedOffset, OffsetRange
from headrace.streams.engine.offset_tracker import OffsetTracker

LetterOffset = tuple[int, int]
"""A partition of the dead-letter topic and an offset in it."""


class CommitMetadata(msgspec.Struct, frozen=True):
    """`since`: by partition of the retry topic, from where on what lies there counts as redriven.

    `again`: letters before this offset are redriven even where the stage has a result by now.
    """

    since: dict[int, int] = {}
    redrive_again: int = 0

    def __str__(self) -> str:
        """Write it as Kafka keeps it beside an offset."""
        return msgspec.json.encode(self).decode()


@dataclass(frozen=True, slots=True)
class RedrivePosition:
    """One partition of the dead-letter topic as a redrive finds it: letters from `start` up to `end` are looked at.

    `committed` is what the group has there, None for nothing; `was_set` when it was set by hand since the last redrive.
    """

    committed: int | None
    start: int
    end: int
    note: CommitMetadata
    was_set: bool = False

    @property
    def position(self) -> CommittedOffset:
        """Where the group is to be committed before anything is sent."""
        return CommittedOffset(self.start, str(self.note))


def redrive_position(
    span: OffsetRange, position: CommittedOffset | None, retry_ends: Mapping[int, int]
) -> RedrivePosition:
    """Say where a partition stands; `retry_ends` is where the partitions of the retry topic end now."""
    if position is None:
        return RedrivePosition(None, span.low, span.high, CommitMetadata())
    start = max(position.offset, span.low)
    try:
        return RedrivePosition(
            position.offset, start, span.high, msgspec.json.decode(position.note, type=CommitMetadata)
        )
    except msgspec.DecodeError:
        return RedrivePosition(
            position.offset, start, span.high, CommitMetadata(dict(retry_ends), span.high), was_set=True
        )


class PositionTracker:
    """Where the group may be committed while letters are answered for."""

    def __init__(self, standings: Mapping[int, RedrivePosition], unanswered: Iterable[LetterOffset]) -> None:
        self._standings = standings
        self._marks = {partition: OffsetTracker(each.end) for partition, each in standings.items()}
        for partition, offset in sorted(unanswered):
            self._marks[partition].add([(offset, 0.0)])

    def answered(self, spot: LetterOffset) -> None:
        """Note that a letter is answered for."""
        self._marks[spot[0]].complete(spot[1])

    def now(self) -> dict[int, CommittedOffset]:
        """Give the position of each partition: its lowest unanswered letter, or the end of what was looked at."""
        return {partition: self._position(partition, mark) for partition, mark in self._marks.items()}

    def _position(self, partition: int, mark: OffsetTracker) -> CommittedOffset:
        each = self._standings[partition]
        lowest = mark.committable() if mark.unfinished else None
        return CommittedOffset(each.end if lowest is None else lowest, str(each.note))
