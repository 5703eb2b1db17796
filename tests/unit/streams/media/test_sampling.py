"""Tests of the frames that represent a video."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, ImageFilter, ImageStat

from headrace.streams.errors import PermanentError
from headrace.streams.media import sampling
from headrace.streams.media.info import MediaInfo
from headrace.streams.media.inspection.messages import ShotFrame
from headrace.streams.media.perceptual_hash import HASH_SIDE, SIMILAR_BITS, difference_hash, distance
from headrace.streams.media.probe import probe
from headrace.streams.media.sampling import SampledPicture, distinct, most_frames
from tests.support.videos import in_sequence, make_media

PEOPLE = Path(__file__).parents[4] / "sandbox" / "media" / "bottles.mp4"
STILL = "testsrc2=d=0.1:r=10,loop=loop={}:size=1"
"""One picture for a number of frames."""


async def sampled(path: Path, info: MediaInfo | None = None) -> tuple[SampledPicture, ...]:
    return await sampling.sample(path, info or await probe(path))


def opened(picture: SampledPicture) -> Image.Image:
    image = Image.open(io.BytesIO(picture.content), formats=("JPEG",))
    image.load()
    assert image.size == (picture.width, picture.height)
    return image.convert("L")


def detail(picture: SampledPicture) -> float:
    return ImageStat.Stat(opened(picture).filter(ImageFilter.FIND_EDGES)).var[0]


async def test_each_shot_has_a_frame(tmp_path: Path) -> None:
    path = make_media(
        tmp_path / "shots.mp4", in_sequence("smptebars=d=5", "rgbtestsrc=d=5", "mandelbrot=r=10,trim=duration=5")
    )
    frames = await sampled(path)
    assert [int(frame.at // 5) for frame in frames][:3] == [0, 1, 2]


async def test_still_video_has_one_frame_with_its_other_times(tmp_path: Path) -> None:
    path = make_media(tmp_path / "still.mp4", in_sequence(STILL.format(350)))
    (frame,) = await sampled(path)
    assert [int(at // 10) for at in (frame.at, *frame.repeats)] == [0, 1, 2, 3]


async def test_shot_that_comes_back_is_sent_once(tmp_path: Path) -> None:
    path = make_media(tmp_path / "back.mp4", in_sequence("smptebars=d=5", "rgbtestsrc=d=5", "smptebars=d=5"))
    frames = await sampled(path)
    assert [len(frame.repeats) for frame in frames] == [1, 0]
    assert 10 <= frames[0].repeats[0] < 15


async def test_the_sharpest_frame_of_a_shot_is_chosen(tmp_path: Path) -> None:
    path = make_media(
        tmp_path / "focus.mp4", in_sequence(f"{STILL.format(60)},gblur=sigma=12:enable='not(between(t,1,2))'")
    )
    (frame, *_) = await sampled(path)
    assert 0.9 <= frame.at <= 2.1
    assert detail(frame) > 200


async def test_black_parts_have_no_frame(tmp_path: Path) -> None:
    path = make_media(tmp_path / "fade.mp4", in_sequence("color=black:d=12", "smptebars=d=5", "color=black:d=12"))
    frames = await sampled(path)
    assert [12 <= frame.at < 17 for frame in frames] == [True]


async def test_black_video_has_its_first_frame(tmp_path: Path) -> None:
    path = make_media(tmp_path / "black.mp4", in_sequence("color=black:d=12"))
    assert [(frame.at, frame.repeats) for frame in await sampled(path)] == [(0.0, ())]


async def test_fast_cuts_stay_within_the_largest_number(tmp_path: Path) -> None:
    path = make_media(tmp_path / "noise.mp4", "nullsrc=s=64x64:r=10:d=90,geq=random(1)*255:128:128")
    frames = await sampled(path)
    assert 20 <= len(frames) <= most_frames(90)
    assert [frame.at for frame in frames] == sorted({frame.at for frame in frames})


async def test_long_videos_have_longer_distances() -> None:
    assert [most_frames(seconds) for seconds in (0.0, 1.0, 60.0, 3600.0, 6 * 3600.0)] == [1, 1, 20, 1200, 1200]


async def test_frames_are_upright_and_at_most_1280_pixels(tmp_path: Path) -> None:
    wide = make_media(tmp_path / "wide.mp4", "testsrc=s=1920x1080:d=1:r=5")
    turned = tmp_path / "turned.mp4"
    make_media(turned, "testsrc=s=320x180:d=1:r=5", options=("-pix_fmt", "yuv420p"))
    (frame,) = await sampled(wide)
    assert (frame.width, frame.height) == (1280, 720)
    rotated = tmp_path / "rotated.mp4"
    make_media(rotated, "color=d=1", options=("-display_rotation", "90", "-i", str(turned), "-map", "1", "-c", "copy"))
    (frame,) = await sampled(rotated)
    assert opened(frame).size == (180, 320)


@pytest.mark.parametrize("suffix", ["mkv", "ts", "avi", "webm", "mpg"])
async def test_every_container_is_sampled_to_its_end(tmp_path: Path, suffix: str) -> None:
    source = in_sequence("smptebars=d=70", "rgbtestsrc=d=5")
    frames = await sampled(make_media(tmp_path / f"video.{suffix}", f"{source},scale=96:54,fps=25"))
    assert len(frames) == 2
    assert frames[-1].at >= 69


async def test_damaged_end_keeps_the_frames_before_it(tmp_path: Path) -> None:
    path = make_media(tmp_path / "cut.ts", in_sequence("smptebars=d=5", "mandelbrot=r=10,trim=duration=5"))
    info = await probe(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] + b"\xff" * 5000)
    assert await sampled(path, info)


async def test_other_content_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_bytes(b"no video at all" * 100)
    with pytest.raises(PermanentError) as failure:
        await sampled(path, MediaInfo(kind="video", format="mov", width=10, height=10))
    assert failure.value.code == "unreadable"


def test_hash_ignores_noise_and_sees_a_change() -> None:
    width = HASH_SIDE + 1
    flat = bytes([100] * width * HASH_SIDE)
    noisy = bytes(100 + (number % 3) for number in range(width * HASH_SIDE))
    edges = bytes(100 + 50 * (number % 2) for number in range(width * HASH_SIDE))
    assert distance(difference_hash(flat), difference_hash(noisy)) == 0
    assert distance(difference_hash(flat), difference_hash(edges)) > SIMILAR_BITS


def test_duplicates_keep_their_times() -> None:
    one, other = bytes(32), b"\xff" * 32
    frames = [ShotFrame(b"a", 1.0, one), ShotFrame(b"b", 2.0, other), ShotFrame(b"c", 3.0, one)]
    assert [(each.content, each.at, each.repeats) for each in distinct(frames)] == [
        (b"a", 1.0, (3.0,)),
        (b"b", 2.0, ()),
    ]
