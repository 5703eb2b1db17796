"""Crop pictures of single faces from an image."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from headrace.streams.media import rendition
from headrace.streams.media.ffmpeg import open_source, run
from headrace.streams.media.ffmpeg_output import explain
from headrace.streams.media.info import MediaInfo
from headrace.streams.media.tools import MEDIA_TOOLS, MediaTools

CONTENT_TYPE = "image/jpeg"
SIDE = 160
"""Width and height of a picture in pixels."""
MARGIN = 0.3
"""What is shown around a face on each side, as a share of its longer side."""


class FaceShare(NamedTuple):
    """The rectangle of a face, as shares of the upright picture from 0 to 1; parts of it may be outside."""

    left: float
    top: float
    width: float
    height: float


class Square(NamedTuple):
    """A square inside a picture, in pixels."""

    x: int
    y: int
    side: int


def square_around(box: FaceShare, width: int, height: int) -> Square:
    """Return the square with a face in its middle, moved into the picture and at most as large as it."""
    wanted = max(box.width * width, box.height * height) * (1 + 2 * MARGIN)
    side = max(1, min(round(wanted), width, height))
    x = round((box.left + box.width / 2) * width - side / 2)
    y = round((box.top + box.height / 2) * height - side / 2)
    return Square(min(max(x, 0), width - side), min(max(y, 0), height - side), side)


async def face_pictures(
    path: Path, info: MediaInfo, boxes: Iterable[FaceShare], name: str = "", tools: MediaTools = MEDIA_TOOLS
) -> list[bytes]:
    """Return a JPEG of 160 x 160 pixels for each face of a probed image; `name` is the key of its asset.

    Raises:
        StageError: As `rendition.jpeg`.
    """
    upright = await rendition.jpeg(path, info, name, tools)
    with tempfile.NamedTemporaryFile(prefix="headrace-", suffix=".jpg") as file:
        file.write(upright.content)
        file.flush()
        squares = (square_around(box, upright.width, upright.height) for box in boxes)
        return [await _crop(Path(file.name), each, name, tools) for each in squares]


async def _crop(path: Path, square: Square, name: str, tools: MediaTools) -> bytes:
    x, y, side = square
    scaled = f"crop={side}:{side}:{x}:{y},scale={SIDE}:{SIDE}"
    output = ("-vf", scaled, "-frames:v", "1", "-pix_fmt", "yuvj420p", "-c:v", "mjpeg", "-q:v", "4")
    with open_source(path, name or str(path), tools) as source:
        result = await run(source, (*output, "-threads", "1", "-f", "image2pipe", "-"))
    if not result.output:
        raise explain("image", result.errors)
    return result.output
