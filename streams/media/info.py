"""The technical metadata of a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headrace.streams.errors import PermanentError

MediaKind = Literal["image", "video", "audio", "other"]

MAX_PIXELS = 100_000_000


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """The technical metadata of a file: displayed width and height in pixels, bit rate in bits per second."""

    kind: MediaKind
    format: str
    duration_seconds: float | None = None
    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    bit_rate: int | None = None


def unreadable(kind: str, reason: str) -> PermanentError:
    return PermanentError("unreadable", f"not a readable {kind} file: {reason[:200]}")


def too_large(width: int, height: int) -> PermanentError:
    limit = MAX_PIXELS // 1_000_000
    return PermanentError("too_large", f"the picture has {width} x {height} pixels; the limit is {limit} megapixels")
