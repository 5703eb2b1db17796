"""Tests of rendered proxies: their pixels, their sound and their metadata, decoded again."""

from __future__ import annotations

import asyncio
import io
import math
import subprocess
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
from PIL import Image, ImageChops, ImageFilter, ImageStat

from headrace.streams.errors import PermanentError
from headrace.streams.media import redacted_proxy
from headrace.streams.media.face_regions import FaceBox, FaceRegion
from headrace.streams.media.inspection.messages import Limits
from headrace.streams.media.redacted_proxy import Redaction, redacted_media, redacted_picture
from headrace.streams.media.redacted_speech import SilentRange
from headrace.streams.media.tools import MediaTools
from tests.support.probed_media import described
from tests.support.records import ready
from tests.support.videos import make_media

MEDIA = Path(__file__).parents[4] / "sandbox" / "media"
FACE = FaceBox(0.25, 0.25, 0.5, 0.75)
INSIDE, OUTSIDE = (90, 70, 150, 170), (200, 20, 310, 220)
"""Pixels of a picture of 320 x 240 in the region of the face, and away from it."""
SECRET = "Ada lives in Zurich"


def decoded(source: bytes | Path, *output: str) -> bytes:
    """Decode a file with ffmpeg and return its output."""
    content, name = (source, "-") if isinstance(source, bytes) else (None, str(source))
    command = (imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", name, *output, "-")
    return subprocess.run(command, input=content, capture_output=True, check=True, timeout=60).stdout


def frame(source: bytes | Path, at: float) -> Image.Image:
    """Return the frame of a video at a time, with 320 x 240 pixels."""
    select = f"select='gte(t,{at})',scale=320:240"
    return Image.frombytes(
        "RGB", (320, 240), decoded(source, "-vf", select, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24")
    )


def peak(source: bytes | Path, start: float, end: float) -> int:
    """Return the largest amplitude of the sound between two times, of 32,768."""
    samples = memoryview(
        decoded(source, "-af", f"atrim={start}:{end}", "-ac", "1", "-ar", "16000", "-f", "s16le")
    ).cast("h")
    return max((abs(sample) for sample in samples), default=0)


def detail(picture: Image.Image, area: tuple[int, int, int, int]) -> float:
    """Return the strength of the details in an area: the mean difference to the same picture out of focus."""
    grey = picture.convert("L").crop(area)
    return ImageStat.Stat(ImageChops.difference(grey, grey.filter(ImageFilter.GaussianBlur(3)))).mean[0]


def difference(one: Image.Image, other: Image.Image, area: tuple[int, int, int, int]) -> float:
    """Return the mean difference of the pixels in an area, of 255."""
    means = ImageStat.Stat(ImageChops.difference(one.crop(area), other.crop(area))).mean
    return sum(means) / len(means)


def texts(content: bytes) -> str:
    """Return what ffmpeg says about a file: its streams and metadata."""
    command = (imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", "-")
    return subprocess.run(command, input=content, capture_output=True, timeout=60, check=False).stderr.decode()


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a video with sharp pictures, a sine, chapters, subtitles and metadata."""
    folder = tmp_path_factory.mktemp("noisy")
    captions = folder / "captions.srt"
    captions.write_text(f"1\n00:00:00,000 --> 00:00:05,000\n{SECRET}\n", "utf-8")
    facts = folder / "facts.txt"
    facts.write_text(
        f";FFMETADATA1\ntitle={SECRET}\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=3\ntitle={SECRET}\n", "utf-8"
    )
    more = ("-i", str(captions), "-i", str(facts), "-map", "0", "-map", "1", "-map", "2", "-map_metadata", "3")
    tags = ("-metadata:s:v", f"title={SECRET}", "-metadata:s:a", f"handler_name={SECRET}", "-timecode", "01:02:03:04")
    return make_media(
        folder / "noisy.mp4",
        "testsrc2=s=320x240:r=10:d=6",
        "sine=1000:d=6",
        options=(*more, *tags, "-c:s", "mov_text", "-pix_fmt", "yuv420p"),
    )


@pytest.fixture(scope="module")
def proxy(noisy: Path) -> bytes:
    """Return the proxy with a face from second 2 to 4 and silence from second 1 to 3."""
    hidden = Redaction((FaceRegion(FACE, 2.0, 4.0),), (SilentRange(1.0, 3.0),))

    async def render() -> bytes:
        return await redacted_media(noisy, await described(noisy), hidden)

    return asyncio.run(render())


def test_face_is_blurred_while_it_is_covered(noisy: Path, proxy: bytes) -> None:
    for at, is_covered in ((1.0, False), (2.1, True), (3.8, True), (4.5, False)):
        before, after = frame(noisy, at), frame(proxy, at)
        assert difference(before, after, OUTSIDE) < 6, at
        assert (detail(after, INSIDE) < detail(before, INSIDE) / 3) is is_covered, at
        assert (difference(before, after, INSIDE) > 20) is is_covered, at


def test_sound_is_silent_in_the_ranges_and_unchanged_elsewhere(noisy: Path, proxy: bytes) -> None:
    assert peak(proxy, 1.05, 2.95) < 40
    for start, end in ((0.1, 0.9), (3.1, 5.5)):
        assert peak(proxy, start, end) == pytest.approx(peak(noisy, start, end), rel=0.15)


def test_proxy_has_no_metadata_subtitles_or_chapters(noisy: Path, proxy: bytes) -> None:
    assert texts(noisy.read_bytes()).count(SECRET) >= 3
    assert SECRET.encode() not in proxy
    streams = [line for line in texts(proxy).splitlines() if "Stream #" in line]
    assert len(streams) == 2
    assert "Chapter" not in texts(proxy)
    assert "timecode" not in texts(proxy)


async def test_captions_inside_the_pictures_are_left_out(tmp_path: Path) -> None:
    path = make_media(tmp_path / "captioned.mp4", "testsrc2=s=320x240:r=10:d=1")
    plain = await redacted_media(path, await described(path), Redaction())
    assert "Closed Captions" not in texts(plain)
    assert "sidedata=mode=delete" in redacted_proxy._blurred((320, 240), ())


async def test_real_video_is_sharp_where_no_face_is() -> None:
    path = MEDIA / "rabbit.mp4"
    media = await described(path)
    content = await redacted_media(path, media, Redaction((FaceRegion(FACE, 0.0, 9.0),)))
    before, after = frame(path, 2.0), frame(content, 2.0)
    assert detail(after, INSIDE) < detail(before, INSIDE) / 3
    assert difference(before, after, OUTSIDE) < 6
    assert peak(content, 0, 7) > 100


async def test_sound_file_has_a_proxy_without_pictures() -> None:
    path = MEDIA / "jfk.flac"
    content = await redacted_media(path, await described(path), Redaction((), (SilentRange(2.0, 4.0),)))
    assert peak(content, 2.1, 3.9) < 40
    assert peak(content, 0.5, 1.9) > 1_000
    assert "Video" not in texts(content)


async def test_picture_is_blurred_and_has_no_metadata(tmp_path: Path) -> None:
    path = tmp_path / "tagged.jpg"
    original = Image.open(make_media(tmp_path / "plain.png", "testsrc2=s=320x240", options=("-frames:v", "1")))
    exif = Image.Exif()
    exif[0x010E] = SECRET
    original.convert("RGB").save(path, exif=exif, quality=95)
    media = ready(kind="image", format="image2", width=320, height=240)
    content = await redacted_picture(path, media, [FACE])
    after = Image.open(io.BytesIO(content)).convert("RGB")
    assert after.size == (320, 240)
    assert detail(after, INSIDE) < detail(original, INSIDE) / 3
    assert difference(original.convert("RGB"), after, OUTSIDE) < 8
    assert SECRET.encode() in path.read_bytes()
    assert SECRET.encode() not in content
    assert not Image.open(io.BytesIO(content)).getexif()


async def test_proxy_of_a_truncated_output_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redacted_proxy, "MAX_BYTES", 50_000)
    tools = MediaTools(Limits(cpu_seconds=60, output_bytes=50_001))
    path = MEDIA / "rabbit.mp4"
    with pytest.raises(PermanentError) as error:
        await redacted_media(path, await described(path), Redaction(), tools=tools)
    assert error.value.code == "too_large"


@pytest.mark.parametrize(
    ("seconds", "bits"), [(10.0, "1500000"), (3600.0, "172435"), (40_000.0, "100000"), (None, "1500000")]
)
def test_bit_rate_fits_the_largest_proxy(seconds: float | None, bits: str) -> None:
    rate: Any = redacted_proxy._rate(ready(duration_seconds=seconds))
    assert rate[rate.index("-maxrate") + 1] == bits


def test_region_without_an_end_is_always_drawn() -> None:
    assert "enable" not in redacted_proxy._white(FaceRegion(FACE, 0.0, math.inf), (320, 240))
