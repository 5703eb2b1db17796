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

from headrace.console.kafka.offsets import Position, Span
from headrace.streams.engine.offset_tracker import Mark

Spot = tuple[int, int]
"""A partition of the dead-letter topic and an offset in it."""


class Note(msgspec.Struct, frozen=True):
    """`since`: by partition of the retry topic, from where on what lies there counts as redriven.

    `again`: letters before this offset are redriven even where the stage has a result by now.
    """

    since: dict[int, int] = {}
    again: int = 0

    def __str__(self) -> str:
        """Write it as Kafka keeps it beside an offset."""
        return msgspec.json.encode(self).decode()


@dataclass(frozen=True, slots=True)
class Standing:
    """One partition of the dead-letter topic as a redrive finds it: letters from `start` up to `end` are looked at.

    `committed` is what the group has there, None for nothing; `was_set` when it was set by hand since the last redrive.
    """

    committed: int | None
    start: int
    end: int
    note: Note
    was_set: bool = False

    @property
    def position(self) -> Position:
        """Where the group is to be committed before anything is sent."""
        return Position(self.start, str(self.note))


def standing(span: Span, position: Position | None, retry_ends: Mapping[int, int]) -> Standing:
    """Say where a partition stands; `retry_ends` is where the partitions of the retry topic end now."""
    if position is None:
        return Standing(None, span.low, span.high, Note())
    start = max(position.offset, span.low)
    try:
        return Standing(position.offset, start, span.high, msgspec.json.decode(position.note, type=Note))
    except msgspec.DecodeError:
        return Standing(position.offset, start, span.high, Note(dict(retry_ends), span.high), was_set=True)


class Positions:
    """Where the group may be committed while letters are answered for."""

    def __init__(self, standings: Mapping[int, Standing], unanswered: Iterable[Spot]) -> None:
        self._standings = standings
        self._marks = {partition: Mark(each.end) for partition, each in standings.items()}
        for partition, offset in sorted(unanswered):
            self._marks[partition].opened([(offset, 0.0)])

    def answered(self, spot: Spot) -> None:
        """Note that a letter is answered for."""
        self._marks[spot[0]].closed(spot[1])

    def now(self) -> dict[int, Position]:
        """Give the position of each partition: its lowest unanswered letter, or the end of what was looked at."""
        return {partition: self._position(partition, mark) for partition, mark in self._marks.items()}

    def _position(self, partition: int, mark: Mark) -> Position:
        each = self._standings[partition]
        lowest = mark.committable() if mark.unfinished else None
        return Position(each.end if lowest is None else lowest, str(each.note))
