"""What the AI services would charge for files of which only name and size are known. An estimate, and it says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal, get_args

from headrace.console.terminal.formatting import format_bytes, pluralize
from headrace.schemas.records import Asset, MediaReady
from headrace.schemas.topics import READY
from headrace.streams import pipeline
from headrace.streams.costs.estimates import estimate
from headrace.streams.stage import record_filter

ObjectKind = Literal["image", "video", "audio", "other"]
KINDS: tuple[ObjectKind, ...] = get_args(ObjectKind)

MEGABITS = {"video": 5.0, "audio": 0.128}
"""Megabits a second that a file is taken to have: its length is not known before it is read."""

_ENDINGS: dict[ObjectKind, str] = {
    "image": "jpg jpeg png gif webp bmp tif tiff heic heif avif",
    "video": "mp4 m4v mov mkv webm avi wmv flv mpg mpeg m2ts 3gp ogv mxf",
    "audio": "mp3 m4a aac flac wav ogg oga opus aif aiff wma amr",
}
_KIND_OF = {f".{ending}": kind for kind, endings in _ENDINGS.items() for ending in endings.split()}


@dataclass(slots=True)
class BackfillEstimate:
    """Files and bytes of each kind, added up."""

    files: dict[ObjectKind, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    size: dict[ObjectKind, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))

    def add(self, key: str, size_: int) -> None:
        """Count one file more."""
        kind = kind_of(key)
        self.files[kind] += 1
        self.size[kind] += size_

    def usd(self, kind: ObjectKind) -> float:
        """Give what all files of a kind would cost, in US dollars."""
        units = self._units(kind)
        return price(kind, 60 * units) if kind in MEGABITS else price(kind, 0.0) * units

    def lines(self) -> Iterator[str]:
        """Say what it comes to, a line for each kind, and what that assumes."""
        for kind, number in self.files.items():
            if number:
                files = f"{pluralize(number, f'{kind} file')}, {format_bytes(self.size[kind])}"
                yield f"{files}{self._length(kind)}: ${self.usd(kind):,.2f}"
        yield f"about ${sum(map(self.usd, self.files)):,.2f} at AWS's list prices, if every file is what its name says"

    def _length(self, kind: ObjectKind) -> str:
        if kind not in MEGABITS:
            return ""
        a_minute = price(kind, 60.0)
        return f", {self._units(kind):,.1f} min if it has {MEGABITS[kind]:g} Mbit/s, ${a_minute:.3f} a minute"

    def _units(self, kind: ObjectKind) -> float:
        """Give the units that are paid for: images, or minutes."""
        if kind in MEGABITS:
            return self.size[kind] * 8 / (MEGABITS[kind] * 1e6 * 60)
        return self.files[kind]


def price(kind: ObjectKind, seconds: float) -> float:
    """Give US dollars for one file, over all stages that are on and ask a service about media themselves.

    What texts cost is left out: nobody knows how much is said in a file.
    """
    record = _ready(kind, seconds)
    media = (stage for stage in pipeline.stages() if READY in stage.reads and record_filter(stage)(record))
    return sum(estimate(stage, record) or 0.0 for stage in media)


def _ready(kind: ObjectKind, seconds: float) -> MediaReady:
    asset = Asset(bucket="", key="", version="", etag="", size=0, sequencer="")
    content = {"image": "image/jpeg", "video": "video/mp4", "audio": "audio/mpeg", "other": "application/octet-stream"}
    sound = kind in MEGABITS
    return MediaReady(
        asset=asset,
        content_type=content[kind],
        sha256="",
        kind=kind,
        format=kind,
        duration_seconds=seconds if sound else None,
        audio_codec="aac" if sound else None,
    )


def kind_of(key: str) -> ObjectKind:
    """Guess what a file is by its name's ending."""
    return _KIND_OF.get(PurePosixPath(key).suffix.lower(), "other")
