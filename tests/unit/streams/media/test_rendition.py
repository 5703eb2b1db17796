"""Tests of the JPEG rendition of images that services do not accept."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from headrace.streams.errors import PermanentError
from headrace.streams.media import rendition
from headrace.streams.media.info import MediaInfo
from headrace.streams.media.probe import probe

ROTATED_90 = 6
"""The EXIF orientation of a picture that is turned clockwise by 90 degrees for display."""


def info(width: int, height: int) -> MediaInfo:
    return MediaInfo(kind="image", format="image", width=width, height=height)


SIZE = info(200, 100)


def halves(size: tuple[int, int] = (200, 100)) -> Image.Image:
    """Return a picture whose left half is red and whose right half is blue."""
    picture = Image.new("RGB", size, "blue")
    picture.paste(Image.new("RGB", (size[0] // 2, size[1]), "red"), (0, 0))
    return picture


def saved(picture: Image.Image, path: Path, form: str, **options: Any) -> Path:
    picture.save(path, form, **options)
    return path


def opened(jpeg: rendition.JpegRendition) -> Image.Image:
    picture = Image.open(io.BytesIO(jpeg.content), formats=("JPEG",))
    picture.load()
    assert picture.size == (jpeg.width, jpeg.height)
    return picture.convert("RGB")


def is_red(pixel: Any) -> bool:
    return bool(pixel[0] > 200 and pixel[2] < 60)


@pytest.mark.parametrize("form", ["WEBP", "AVIF", "TIFF", "GIF", "BMP", "PNG", "JPEG", "JPEG2000", "PPM"])
async def test_every_format_becomes_a_jpeg(tmp_path: Path, form: str) -> None:
    path = saved(halves(), tmp_path / "picture", form)
    if form == "PPM":
        with pytest.raises(PermanentError):
            await rendition.jpeg(path, SIZE)
        return
    picture = opened(await rendition.jpeg(path, SIZE))
    assert is_red(picture.getpixel((20, 50)))
    assert not is_red(picture.getpixel((180, 50)))


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "TIFF", "PNG"])
async def test_rendition_is_upright(tmp_path: Path, form: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = ROTATED_90
    path = saved(halves(), tmp_path / "picture", form, exif=exif)
    picture = opened(await rendition.jpeg(path, await probe(path)))
    assert picture.size == (100, 200)
    assert is_red(picture.getpixel((50, 20)))
    assert not is_red(picture.getpixel((50, 180)))


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
async def test_transparent_pixels_are_white(tmp_path: Path, form: str) -> None:
    path = saved(Image.new("RGBA", (100, 100), (255, 0, 0, 0)), tmp_path / "picture", form)
    picture = opened(await rendition.jpeg(path, info(100, 100)))
    assert min(picture.getpixel((50, 50))) > 240  # type: ignore[arg-type]  # an RGB pixel is a tuple


async def test_animation_is_its_first_picture(tmp_path: Path) -> None:
    blue = Image.new("RGB", (200, 100), "blue")
    path = saved(Image.new("RGB", (200, 100), "red"), tmp_path / "picture", "GIF", save_all=True, append_images=[blue])
    assert is_red(opened(await rendition.jpeg(path, SIZE)).getpixel((100, 50)))


@pytest.mark.parametrize(
    ("size", "expected"), [((6000, 300), (4096, 205)), ((200, 100), (200, 100)), ((1, 9000), (1, 4096))]
)
def test_longest_side_is_limited(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert rendition.scaled(*size) == expected


async def test_detailed_picture_is_made_smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = Image.frombytes("RGB", (1200, 1200), random.Random(1).randbytes(1200 * 1200 * 3))
    path = saved(noise, tmp_path / "picture", "PNG")
    monkeypatch.setattr(rendition, "MAX_BYTES", 600_000)
    jpeg = await rendition.jpeg(path, info(1200, 1200))
    assert len(jpeg.content) <= 600_000
    assert (jpeg.width, jpeg.height) == (1024, 1024)
    monkeypatch.setattr(rendition, "MAX_BYTES", 1000)
    with pytest.raises(PermanentError) as refused:
        await rendition.jpeg(path, info(1200, 1200))
    assert refused.value.code == "too_large"


async def test_damaged_picture_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(b"RIFF\x10\0\0\0WEBPVP8 nothing")
    with pytest.raises(PermanentError) as refused:
        await rendition.jpeg(path, SIZE)
    assert refused.value.code == "unreadable"
