"""Make a JPEG rendition of an image, for services that do not accept the image itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headrace.streams.errors import PermanentError
from headrace.streams.media.ffmpeg import open_source
from headrace.streams.media.info import MediaInfo
from headrace.streams.media.thumbnails import encode_jpeg
from headrace.streams.media.tools import MEDIA_TOOLS, MediaTools

CONTENT_TYPE = "image/jpeg"
MAX_BYTES = 3_750_000
"""The lowest limit of the services: that of Converse of Amazon Bedrock."""

_ATTEMPTS = ((4096, 3), (4096, 6), (2048, 6), (1024, 8))
"""Longest side in pixels and JPEG quality (2: best), tried in this order."""


@dataclass(frozen=True, slots=True)
class JpegRendition:
    """A JPEG and its size in pixels."""

    content: bytes
    width: int
    height: int


def scaled(width: int, height: int, side: int = _ATTEMPTS[0][0]) -> tuple[int, int]:
    """Return the size of a picture whose longest side has at most `side` pixels."""
    scale = min(1.0, side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


async def jpeg(path: Path, info: MediaInfo, name: str = "", tools: MediaTools = MEDIA_TOOLS) -> JpegRendition:
    """Return a JPEG of at most `MAX_BYTES` of the first picture of a probed image; `name` is the key of its asset.

    The picture is upright, and transparent parts are white.

    Raises:
        PermanentError: `unreadable`: ffmpeg cannot decode the picture. `too_large`: it is too detailed.
    """
    if not info.width or not info.height:
        raise PermanentError("unreadable", "the size of the picture is unknown")
    with open_source(path, name or str(path), tools) as source:
        for side, quality in _ATTEMPTS:
            size = scaled(info.width, info.height, side)
            content = await encode_jpeg(source, info, size, quality)
            if len(content) <= MAX_BYTES:
                return JpegRendition(content, *size)
    raise PermanentError("too_large", f"a JPEG of {size[0]} x {size[1]} pixels has {len(content):,} bytes")
