"""Tests of the pictures of single faces."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from headrace.streams.errors import PermanentError
from headrace.streams.media.face_pictures import SIDE, FaceShare, Square, face_pictures, square_around
from headrace.streams.media.info import MediaInfo
from headrace.streams.media.probe import probe

ROTATED_90 = 6
"""The EXIF orientation of a picture that is turned clockwise by 90 degrees for display."""
RED, BLUE = FaceShare(0.05, 0.2, 0.2, 0.4), FaceShare(0.7, 0.2, 0.2, 0.4)


def halves() -> Image.Image:
    """Return a picture whose left half is red and whose right half is blue."""
    picture = Image.new("RGB", (400, 200), "blue")
    picture.paste(Image.new("RGB", (200, 200), "red"), (0, 0))
    return picture


def opened(jpeg: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(jpeg), formats=("JPEG",))
    picture.load()
    assert picture.size == (SIDE, SIDE)
    return picture.convert("RGB")


def is_red(pixel: Any) -> bool:
    return bool(pixel[0] > 200 and pixel[2] < 60)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (FaceShare(0.4, 0.4, 0.1, 0.2), Square(74, 34, 32)),  # 20 pixels, and 6 around them
        (FaceShare(-0.1, -0.1, 0.2, 0.4), Square(0, 0, 64)),
        (FaceShare(0.9, 0.9, 0.2, 0.2), Square(136, 36, 64)),
        (FaceShare(0.0, 0.0, 5.0, 5.0), Square(100, 0, 100)),
        (FaceShare(0.5, 0.5, 0.0, 0.0), Square(100, 50, 1)),
    ],
)
def test_square_is_around_the_face_and_inside_the_picture(box: FaceShare, expected: Square) -> None:
    assert square_around(box, 200, 100) == expected


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
async def test_each_face_has_a_picture_of_its_own(tmp_path: Path, form: str) -> None:
    path = tmp_path / "photo"
    halves().save(path, form)
    red, blue = map(opened, await face_pictures(path, await probe(path, "photo"), (RED, BLUE)))
    assert is_red(red.getpixel((80, 80)))
    assert not is_red(blue.getpixel((80, 80)))


async def test_boxes_are_those_of_the_upright_picture(tmp_path: Path) -> None:
    path, exif = tmp_path / "photo.jpg", Image.Exif()
    exif[274] = ROTATED_90
    halves().save(path, "JPEG", exif=exif)  # upright it is 200 x 400: red above, blue below
    info = await probe(path, "photo.jpg")
    assert (info.width, info.height) == (200, 400)
    above, below = map(
        opened, await face_pictures(path, info, (FaceShare(0.4, 0.1, 0.2, 0.1), FaceShare(0.4, 0.7, 0.2, 0.1)))
    )
    assert is_red(above.getpixel((80, 80)))
    assert not is_red(below.getpixel((80, 80)))


async def test_unreadable_image_has_no_pictures(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\xff\xd8\xff" + b"x" * 100)
    with pytest.raises(PermanentError):
        await face_pictures(path, MediaInfo(kind="image", format="mjpeg", width=10, height=10), (RED,))
