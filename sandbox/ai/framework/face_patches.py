"""Synthetic faces: patches of skin colours, found and compared by measurement. No model of faces is used.

A patch has a position and a signature, its colours at 4 x 4 points. The same face in two pictures has similar
signatures, at any size and place.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImageOps

from headrace.sandbox.ai.framework.image_analysis import NotAnImageError, simple_name

SKIN = frozenset(("brown", "orange", "pink"))
_GRID = 48
_LEAST_CELLS = 40
"""Cells of a patch, of 2,304 in all; smaller ones are no faces."""
MAX_PATCHES = 10
_POINTS = (4, 4)


@dataclass(frozen=True, slots=True)
class FacePatch:
    """A patch: left, top, width and height as shares of the picture, its signature, and its confidence in percent."""

    box: tuple[float, float, float, float]
    signature: bytes
    confidence: float

    def face_id(self, salt: str) -> str:
        """Return the id of the patch, the same for the same signature and salt."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{salt} {self.signature.hex()} {self.box}"))


def find(image: Image.Image) -> tuple[FacePatch, ...]:
    """Return the patches of an image in its EXIF orientation, the largest first. Raises `NotAnImageError`."""
    try:
        image.thumbnail((640, 640))
        upright = ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, ValueError, SyntaxError) as error:
        raise NotAnImageError(str(error)) from error
    small = upright.resize((_GRID, _GRID), Image.Resampling.BOX)
    skin = {
        (x, y)
        for y in range(_GRID)
        for x in range(_GRID)
        if simple_name(small.getpixel((x, y))) in SKIN  # type: ignore[arg-type]
    }
    patches = sorted((cells for cells in _connected(skin) if len(cells) >= _LEAST_CELLS), key=len, reverse=True)
    return tuple(_patch(upright, cells) for cells in patches[:MAX_PATCHES])


def similarity(one: bytes, other: bytes) -> float:
    """Return the similarity of two signatures in percent; 100 is equal."""
    difference = sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)
    return round(max(0.0, 100 - difference), 2)


def _connected(cells: set[tuple[int, int]]) -> Iterator[set[tuple[int, int]]]:
    left = set(cells)
    while left:
        group, edge = set(), [left.pop()]
        while edge:
            x, y = edge.pop()
            group.add((x, y))
            near = {(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)} & left
            left -= near
            edge += near
        yield group


def _patch(image: Image.Image, cells: set[tuple[int, int]]) -> FacePatch:
    xs, ys = sorted(x for x, _ in cells), sorted(y for _, y in cells)
    left, top, right, bottom = xs[0], ys[0], xs[-1] + 1, ys[-1] + 1
    across, down = image.width / _GRID, image.height / _GRID
    area = (round(left * across), round(top * down), round(right * across), round(bottom * down))
    points = image.crop(area).resize(_POINTS, Image.Resampling.BOX)
    box = tuple(round(value / _GRID, 4) for value in (left, top, right - left, bottom - top))
    confidence = round(min(99.0, 80 + 100 * len(cells) / _GRID**2), 2)
    return FacePatch((box[0], box[1], box[2], box[3]), points.tobytes(), confidence)
