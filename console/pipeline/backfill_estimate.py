"""Estimate the cost of AI services for files from their names and sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from headrace.console.pipeline.media_kinds import KINDS, ObjectKind, kind_of, ready_media
from headrace.console.terminal.formatting import format_bytes, pluralize
from headrace.schemas.topics import READY
from headrace.streams.costs.estimates import estimate
from headrace.streams.costs.prices import PriceList
from headrace.streams.stage import Stage, record_filter

MEGABITS = {"video": 5.0, "audio": 0.128}
"""Assumed bit rate in Mbit/s: the duration is not known before a file is read."""


@dataclass(slots=True)
class BackfillEstimate:
    """Number and size of files of each kind, and the cost of the stages that analyse them."""

    stages: Sequence[Stage]
    prices: PriceList
    files: dict[ObjectKind, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    size: dict[ObjectKind, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))

    def add(self, key: str, size_: int) -> None:
        """Add a file."""
        kind = kind_of(key)
        self.files[kind] += 1
        self.size[kind] += size_

    def usd(self, kind: ObjectKind) -> float:
        """Estimate the cost of all files of a kind in US dollars."""
        units = self._units(kind)
        return self.price(kind, 60 * units) if kind in MEGABITS else self.price(kind, 0.0) * units

    def lines(self) -> Iterator[str]:
        """Format the estimate: a line per kind with its assumptions, and the total."""
        for kind, number in self.files.items():
            if number:
                files = f"{pluralize(number, f'{kind} file')}, {format_bytes(self.size[kind])}"
                yield f"{files}{self._length(kind)}: ${self.usd(kind):,.2f}"
        yield f"about ${sum(map(self.usd, self.files)):,.2f} at AWS's list prices, if every file is what its name says"

    def price(self, kind: ObjectKind, seconds: float) -> float:
        """Estimate the cost of one file in US dollars, over all stages that analyse media.

        Stages that analyse text are left out: the amount of text is not known.
        """
        record = ready_media(kind, seconds)
        media = (stage for stage in self.stages if READY in stage.reads and record_filter(stage)(record))
        return sum(estimate(stage, record, self.prices) or 0.0 for stage in media)

    def _length(self, kind: ObjectKind) -> str:
        if kind not in MEGABITS:
            return ""
        a_minute = self.price(kind, 60.0)
        return f", {self._units(kind):,.1f} min if it has {MEGABITS[kind]:g} Mbit/s, ${a_minute:.3f} a minute"

    def _units(self, kind: ObjectKind) -> float:
        """Return the billed units: images, or minutes."""
        if kind in MEGABITS:
            return self.size[kind] * 8 / (MEGABITS[kind] * 1e6 * 60)
        return self.files[kind]
