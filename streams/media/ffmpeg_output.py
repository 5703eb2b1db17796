"""Parse ffmpeg's output: the description of a file, and its errors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from headrace.streams.errors import PermanentError
from headrace.streams.media.ffmpeg import MAX_PIXELS
from headrace.streams.media.file_type import FileKind as DetectedKind

MediaKind = Literal["image", "video", "audio", "other"]


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


_STREAM = re.compile(
    r"^  Stream (?:group )?#0:\d+.*?: (?P<kind>Video|Audio|Tile Grid): (?P<codec>\w+)(?P<rest>.*(?:\n    .*)*)",
    re.MULTILINE,
)
_SIZE = re.compile(r", (\d+)x(\d+)(?:,? \[?SAR (\d+):(\d+))?")
_DURATION = re.compile(r"^  Duration: (\d+):(\d+):([\d.]+),", re.MULTILINE)
_BIT_RATE = re.compile(r"^  Duration: .*, bitrate: (\d+) kb/s", re.MULTILINE)
_FRAME_RATE = re.compile(r", ([\d.]+)(k?) fps")
_ROTATION = re.compile(r"display ?matrix: rotation of (-?[\d.]+)", re.IGNORECASE)


def parse(text: str, detected: DetectedKind = "video") -> MediaInfo:
    """Parse the output of `ffmpeg -i`. A cover picture does not count as video.

    Raises:
        PermanentError: Code `unreadable`: ffmpeg cannot open the file, or it has neither video nor audio.
    """
    opened = re.search(r"^Input #0, (\S+), from", text, re.MULTILINE)
    if not opened:
        raise unreadable(detected, text)
    streams = [s for s in _STREAM.finditer(text) if s["codec"] != "none" and "(attached pic)" not in s["rest"]]
    picture = next((s for s in streams if s["kind"] != "Audio"), None)
    sound = next((s for s in streams if s["kind"] == "Audio"), None)
    if not (picture or sound):
        raise unreadable(detected, "no video and no audio that ffmpeg can decode")
    width, height = _displayed_size(picture["rest"]) if picture else (None, None)
    still = detected == "image"
    return MediaInfo(
        kind="image" if still else "video" if picture else "audio",
        format=opened[1].removesuffix("_pipe"),
        duration_seconds=None if still else _duration(text),
        width=width,
        height=height,
        frame_rate=_frame_rate(picture["rest"]) if picture and not still else None,
        video_codec=picture["codec"] if picture else None,
        audio_codec=sound["codec"] if sound else None,
        bit_rate=int(rate[1]) * 1000 if not still and (rate := _BIT_RATE.search(text)) else None,
    )


def _duration(text: str) -> float | None:
    match = _DURATION.search(text)
    return int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3]) if match else None


def _frame_rate(stream: str) -> float | None:
    match = _FRAME_RATE.search(stream)
    return float(match[1]) * (1000 if match[2] else 1) if match else None


def _displayed_size(stream: str) -> tuple[int | None, int | None]:
    """Return the displayed size: with square pixels and rotation applied."""
    size = _SIZE.search(stream)
    if not size:
        return None, None
    width, height = int(size[1]), int(size[2])
    if size[3] and int(size[3]) and int(size[4]):
        width = round(width * int(size[3]) / int(size[4]))
    rotation = _ROTATION.search(stream)
    is_sideways = rotation and 45 < abs(float(rotation[1])) % 180 < 135
    return (height, width) if is_sideways else (width, height)


_NOISE = re.compile(
    "Opening '|Error opening input file|Error (submitting|processing) packet|Decod(e|ing) error|EXIF|"
    "Task finished|Terminating thread|Nothing was written|Could not open encoder|Cannot determine format|"
    "Last message repeated|Consider increasing"
)
LOST = re.compile("partial file|File ended prematurely|LZW decode failed")


def unreadable(kind: str, errors: str) -> PermanentError:
    """Return the error for a file, with the first significant line of ffmpeg's output as its reason."""
    if size := re.search(r"Picture size (\d+)x(\d+) is invalid", errors):
        return too_large(int(size[1]), int(size[2]))
    if "Cannot allocate memory" in errors:
        return PermanentError("too_large", "decoding needs more memory than the limit of one run")
    lines = [re.sub(r"^(\[[^\]]*\] ?)*(Error opening input: )?", "", line).strip() for line in errors.split("\n")]
    reason = next((line for line in lines if line and not _NOISE.search(line)), "it has no decodable stream")
    return PermanentError("unreadable", f"not a readable {kind} file: {reason[:200]}")


def too_large(width: int, height: int) -> PermanentError:
    limit = MAX_PIXELS // 1_000_000
    return PermanentError("too_large", f"the picture has {width} x {height} pixels; the limit is {limit} megapixels")
