"""Parse `--to` and resolve it to an offset per partition. Pure.

A target before the first available offset is an error; it is never replaced by the nearest available offset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from headrace.console.errors import CommandError
from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.console.terminal import timespec
from headrace.console.terminal.formatting import format_time
from headrace.schemas.parsing import InvalidValueError, parse_int


@dataclass(frozen=True, slots=True)
class RewindTarget:
    """A parsed `--to`. `at` is an offset, or a time in seconds since 1970; 0 for `earliest` and `latest`.

    `ago` is the duration before now as it was entered, such as `-2h`; empty for an absolute time.
    """

    kind: Literal["earliest", "latest", "offset", "time"]
    at: float = 0.0
    ago: str = ""

    def __str__(self) -> str:
        """Return the target in words, as the audit log stores it."""
        if self.kind == "time":
            return f"{format_time(self.at)} ({self.ago})" if self.ago else format_time(self.at)
        return f"offset {self.at:.0f}" if self.kind == "offset" else self.kind

    def is_same_as(self, text: str) -> bool:
        """Whether `text`, the `str` of an earlier target, was entered in the same way."""
        return text.endswith(f" ({self.ago})") if self.ago else text == str(self)


@dataclass(frozen=True, slots=True)
class PartitionRange:
    """The available offsets of a partition and the timestamp of its first record; None if it has no records.

    `first_since` is the first offset at or after the target time; None if there is none.
    """

    span: OffsetRange
    oldest: float | None = None
    first_since: int | None = None


def parse(text: str, now: float) -> RewindTarget:
    """Parse `earliest`, `latest`, an offset, a time, or a duration before now such as `-2h`.

    Raises:
        CommandError: the text is none of these.
    """
    if text == "earliest":
        return RewindTarget("earliest")
    if text == "latest":
        return RewindTarget("latest")
    if text.isdecimal():
        try:
            return RewindTarget("offset", parse_int(text))
        except InvalidValueError as error:
            raise CommandError(f"the offset is {error}") from None
    try:
        return RewindTarget("time", timespec.parse_time(text, now), text if text.startswith("-") else "")
    except CommandError as error:
        raise CommandError(f"--to: {error}; or earliest, latest, or an offset") from None


def offsets(target: RewindTarget, ranges: Mapping[TopicAndPartition, PartitionRange]) -> dict[TopicAndPartition, int]:
    """Resolve the target in each partition. Raises `CommandError` if an offset is not available."""
    errors = [error for place, each in ranges.items() if (error := _missing(target, place, each))]
    if errors:
        raise CommandError(
            f"{'; '.join(errors)}. Nothing changed. Use --to earliest for the first available offset, --to latest for"
            " the end"
        )
    return {place: _offset(target, each) for place, each in ranges.items()}


def _missing(target: RewindTarget, place: TopicAndPartition, available: PartitionRange) -> str:
    """Describe why the target is not available in a partition; empty if it is."""
    name, span = f"{place[0]}/{place[1]}", available.span
    if target.kind == "offset" and target.at < span.low:
        return f"{name}: offset {target.at:.0f} has expired, the first available offset is {span.low}"
    if target.kind == "offset" and target.at > span.high:
        return f"{name}: offset {target.at:.0f} does not exist yet, the end offset is {span.high}"
    expired = span.low > 0 and available.oldest is not None and available.oldest > target.at
    if target.kind == "time" and expired:
        first = format_time(available.oldest or 0.0)
        return f"{name}: records since {format_time(target.at)} have expired, the first available record is of {first}"
    return ""


def _offset(target: RewindTarget, available: PartitionRange) -> int:
    if target.kind == "earliest":
        return available.span.low
    if target.kind == "offset":
        return int(target.at)
    if target.kind == "time" and available.first_since is not None:
        return available.first_since
    return available.span.high
