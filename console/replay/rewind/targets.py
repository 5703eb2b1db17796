"""Where a replay begins: what a person says, and the offset that it means in each partition. Pure.

A target that lies before what the log still holds is refused, never moved to the nearest offset that there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from headrace.console.errors import CommandError
from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.console.terminal import timespec
from headrace.console.terminal.formatting import format_time


@dataclass(frozen=True, slots=True)
class RewindTarget:
    """What was asked for. `at` is an offset or a moment in seconds since 1970, and 0 for the ends of the log.

    `ago` is the duration that was asked for, and means another moment whenever it is asked for.
    """

    kind: Literal["earliest", "latest", "offset", "time"]
    at: float = 0.0
    ago: str = ""

    def __str__(self) -> str:
        """Say it as a person would."""
        if self.kind == "time":
            return f"{format_time(self.at)} ({self.ago})" if self.ago else format_time(self.at)
        return f"offset {self.at:.0f}" if self.kind == "offset" else self.kind

    def is_meant(self, said: str) -> bool:
        """Whether one that was said earlier, as `str` gives it, is the same."""
        return said.endswith(f" ({self.ago})") if self.ago else said == str(self)


@dataclass(frozen=True, slots=True)
class PartitionRange:
    """What a partition holds: its offsets, and when its first record was written; None for one without records.

    `found` is the first record at or after the target's moment, None where there is none.
    """

    span: OffsetRange
    oldest: float | None = None
    found: int | None = None


def parse(said: str, now: float) -> RewindTarget:
    """Read `earliest`, `latest`, an offset, a time, or a duration before now such as `-2h`. Raises `Refused`."""
    if said == "earliest":
        return RewindTarget("earliest")
    if said == "latest":
        return RewindTarget("latest")
    if said.isdecimal():
        return RewindTarget("offset", int(said))
    try:
        return RewindTarget("time", timespec.parse_time(said, now), said if said.startswith("-") else "")
    except CommandError as refusal:
        raise CommandError(f"--to: {refusal}; or earliest, latest, or an offset") from None


def offsets(target: RewindTarget, held: Mapping[TopicAndPartition, PartitionRange]) -> dict[TopicAndPartition, int]:
    """Say which offset of each partition is meant. Raises `Refused` for one that is not there (any more)."""
    wrong = [said for place, each in held.items() if (said := _missing(target, place, each))]
    if wrong:
        raise CommandError(
            f"{'; '.join(wrong)}. Nothing was changed; --to earliest is what is left, --to latest the end"
        )
    return {place: _offset(target, each) for place, each in held.items()}


def _missing(target: RewindTarget, place: TopicAndPartition, held: PartitionRange) -> str:
    """Say what is asked for and not there; empty where all of it is."""
    name, span = f"{place[0]}/{place[1]}", held.span
    if target.kind == "offset" and target.at < span.low:
        return f"{name}: offset {target.at:.0f} has expired, the log begins at {span.low}"
    if target.kind == "offset" and target.at > span.high:
        return f"{name}: there is no offset {target.at:.0f} yet, the log ends at {span.high}"
    expired = span.low > 0 and held.oldest is not None and held.oldest > target.at
    if target.kind == "time" and expired:
        begins = format_time(held.oldest or 0.0)
        return f"{name}: not all since {format_time(target.at)} is left, the log begins at {begins}"
    return ""


def _offset(target: RewindTarget, held: PartitionRange) -> int:
    if target.kind == "earliest":
        return held.span.low
    if target.kind == "offset":
        return int(target.at)
    if target.kind == "time" and held.found is not None:
        return held.found
    return held.span.high
