"""The files that arrive: how many a day, of which kinds, how large and how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from headrace.console.capacity.assumptions import LARGEST, Assumptions
from headrace.console.errors import CommandError
from headrace.console.pipeline.media_kinds import DOCUMENT, ready_media
from headrace.schemas.parsing import InvalidValueError, parse_float
from headrace.schemas.records import MediaReady

WorkloadKind = Literal["image", "video", "audio", "document"]
FILE_KINDS: tuple[WorkloadKind, ...] = get_args(WorkloadKind)
DEFAULT_MIX: Mapping[WorkloadKind, float] = {"image": 0.7, "video": 0.2, "audio": 0.05, "document": 0.05}

DAY_SECONDS = 86_400
MB = 10**6
MOST_ASSETS = 10**12
MOST_MB = 50_000_000
"""The largest object of S3 has 50 TB."""
MOST_MINUTES = 100_000
MOST_PEAK = 1_000


@dataclass(frozen=True, slots=True)
class Workload:
    """Files a day, the average size of a file in MB, the average length of a video or sound, the share of each kind.

    `peak` is the rate of the busiest hour divided by the average rate.
    """

    assets_per_day: float
    size_mb: float
    minutes: float
    mix: Mapping[WorkloadKind, float] = field(default_factory=lambda: DEFAULT_MIX)
    peak: float = 3.0

    @property
    def assets_per_second(self) -> float:
        """Return the average rate."""
        return self.assets_per_day / DAY_SECONDS

    def of(self, kind: WorkloadKind) -> float:
        """Return the files of a kind a day."""
        return self.assets_per_day * self.mix.get(kind, 0.0)

    def seconds(self, kind: WorkloadKind) -> float:
        """Return the length of a file of a kind in seconds; 0 if it has none."""
        return self.minutes * 60 if kind in ("video", "audio") else 0.0

    def media(self, kind: WorkloadKind) -> MediaReady:
        """Return the record of an average file of a kind."""
        size = round(self.size_mb * MB)
        if kind == "document":
            return ready_media("other", None, size, DOCUMENT)
        return ready_media(kind, self.seconds(kind), size)

    def words(self, kind: WorkloadKind, assumed: Assumptions) -> int:
        """Return the number of words that are spoken or written in a file of a kind."""
        if kind in ("video", "audio"):
            return round(self.minutes * assumed.words_per_minute)
        return round(assumed.words_per_image if kind == "image" else assumed.words_per_document)


def check_workload(workload: Workload) -> None:
    """Check the numbers of a workload.

    Raises:
        CommandError: a number is out of bounds.
    """
    check_number("--assets-per-day", workload.assets_per_day, 1, MOST_ASSETS)
    check_number("--size", workload.size_mb, 0, MOST_MB, " MB")
    check_number("--minutes", workload.minutes, 0, MOST_MINUTES)
    check_number("--peak", workload.peak, 1, MOST_PEAK)


def parse_mix(text: str) -> dict[WorkloadKind, float]:
    """Parse the share of each kind, such as `image=7,video=2`; the shares are divided by their sum.

    Raises:
        CommandError: a kind is unknown or named twice, or a share is no number of at least 0.
    """
    shares: dict[WorkloadKind, float] = {}
    for pair in filter(None, (each.strip() for each in text.split(","))):
        name, _, number = (each.strip() for each in pair.partition("="))
        kind = next((each for each in FILE_KINDS if each == name), None)
        share = _number(number)
        if kind is None or kind in shares or share is None or share < 0:
            raise CommandError(f"--mix {text}: use each of {', '.join(FILE_KINDS)} once, such as image=7,video=2")
        shares[kind] = share
    total = sum(shares.values())
    if not 0 < total < float("inf"):
        raise CommandError(f"--mix {text}: at least one share must be above 0, such as image=7,video=2")
    return {kind: share / total for kind, share in shares.items()}


def check_number(option: str, value: float, lowest: float, highest: float, unit: str = "") -> None:
    """Check the number of an option. Raises `CommandError` if it is out of bounds or not a number."""
    if not lowest <= value <= highest:
        raise CommandError(f"{option} {value:g}: use {lowest:g} to {highest:,.0f}{unit}")


def _number(text: str) -> float | None:
    try:
        return parse_float(text, maximum=LARGEST)
    except InvalidValueError:
        return None
