"""Video analysis."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.sandbox.ai.framework import video_analysis
from headrace.sandbox.ai.framework.errors import UnprocessableMediaError
from headrace.sandbox.ai.framework.video_analysis import Detection

H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")


def three_shots(clip: Callable[..., Path]) -> Path:
    """Two seconds each of red, of green and of nothing."""
    graph = ";".join(f"color={colour}:d=2:r=10[{colour}]" for colour in ("red", "green", "black"))
    return clip("shots.mp4", "-filter_complex", f"{graph};[red][green][black]concat=n=3", *H264)


def spans(found: list[Detection], name: str) -> list[tuple[int, int]]:
    return [(one.start, one.end) for one in found if one.label.name == name]


def test_detects_cuts_black_frames_and_colours(clip: Callable[..., Path]) -> None:
    seen = video_analysis.watch(three_shots(clip))
    found = video_analysis.segments(video_analysis.points(seen), seen)
    assert (seen.duration, seen.black) == (6000, ((4000, 5900),))
    assert spans(found, "Shot") == [(0, 2000), (2000, 4000), (4000, 6000)]
    assert spans(found, "Red") == [(0, 2000)]
    assert spans(found, "Green") == [(2000, 4000)]
    assert spans(found, "Black Frame") == [(4000, 6000)]


def test_moderation_depends_on_the_frames(clip: Callable[..., Path]) -> None:
    seen = video_analysis.watch(three_shots(clip))
    found = video_analysis.segments(video_analysis.moderation_points(seen), seen)
    assert spans(found, "Synthetic Red Content") == [(0, 2000)]


def test_detects_motion(media: Path, clip: Callable[..., Path]) -> None:
    moving = video_analysis.watch(media / "rabbit.mp4")
    assert spans(video_analysis.points(moving), "Motion")
    still = video_analysis.watch(clip("still.mp4", "-loop", "1", "-t", "2", "-i", str(media / "bottles.jpg"), *H264))
    assert not spans(video_analysis.points(still), "Motion")


def test_analyses_the_sample_video(media: Path) -> None:
    seen = video_analysis.watch(media / "bottles.mp4")
    assert (seen.video.codec, seen.video.width, seen.video.height, seen.duration) == ("h264", 640, 360, 39850)
    assert len(seen.samples) == 80
    assert [one.label.name for one in video_analysis.points(seen) if one.start == 0][:2] == ["Grey", "Monochrome"]


def test_analysis_is_reproducible(media: Path) -> None:
    assert video_analysis.watch(media / "rabbit.mp4") == video_analysis.watch(media / "rabbit.mp4")


def test_times_are_within_the_duration(media: Path) -> None:
    seen = video_analysis.watch(media / "rabbit.mp4")
    assert max(one.end for one in video_analysis.points(seen)) == seen.duration == 7800


@pytest.mark.parametrize("arguments", [("-c:v", "mpeg4", "v.mp4"), (*H264, "v.mkv")])
def test_unsupported_video_is_unprocessable(clip: Callable[..., Path], arguments: tuple[str, ...]) -> None:
    path = clip(arguments[-1], "-f", "lavfi", "-i", "color=red:d=1:r=10", *arguments[:-1])
    with pytest.raises(UnprocessableMediaError, match="InvalidVideoFormat"):
        video_analysis.watch(path)


def test_file_without_video_is_unprocessable(media: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for path in (media / "jfk.flac", media / "LICENSES.md", tmp_path / "empty"):
        with pytest.raises(UnprocessableMediaError):
            video_analysis.watch(path)
