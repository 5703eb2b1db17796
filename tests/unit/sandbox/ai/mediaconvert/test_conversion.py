"""Outputs of a job, and unsupported settings."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
from PIL import Image

from headrace.sandbox.ai.framework import ffmpeg
from headrace.sandbox.ai.mediaconvert import conversion
from headrace.streams.costs.estimates import estimate
from headrace.streams.stages.transcode import transcode_stage
from tests.support.prices import PRICES
from tests.support.records import ready

VIDEO = {
    "NameModifier": "-hls",
    "ContainerSettings": {"Container": "M3U8"},
    "VideoDescription": {"Width": 160, "Height": 120, "CodecSettings": {"Codec": "H_264"}},
}


def hls(*outputs: Any, **settings: Any) -> dict[str, Any]:
    own = {"Destination": "s3://results/hls/", "SegmentLength": 2, **settings}
    return {"OutputGroupSettings": {"Type": "HLS_GROUP_SETTINGS", "HlsGroupSettings": own}, "Outputs": list(outputs)}


def files(*outputs: Any) -> dict[str, Any]:
    own = {"Destination": "s3://results/"}
    return {"OutputGroupSettings": {"Type": "FILE_GROUP_SETTINGS", "FileGroupSettings": own}, "Outputs": list(outputs)}


def opened(path: Path, rotate: str | None) -> conversion.SourceVideo:
    selector = {} if rotate is None else {"VideoSelector": {"Rotate": rotate}}
    return conversion.open_source(path, {"Inputs": [{"FileInput": "s3://media/a.mp4", **selector}]})


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 160 x 96 pixels: its left half is black, its right half is white."""
    path = tmp_path_factory.mktemp("rotated") / "wide.mp4"
    halves = "color=black:s=80x96:d=1:r=5[a];color=white:s=80x96:d=1:r=5[b];[a][b]hstack"
    ffmpeg_tool("-f", "lavfi", "-i", halves, "-pix_fmt", "yuv420p", path)
    return path


def rotated(source: Path, degrees: str, path: Path) -> Path:
    """Return a copy that players rotate counter-clockwise by some degrees."""
    ffmpeg_tool("-display_rotation", degrees, "-i", source, "-c", "copy", path)
    return path


def ffmpeg_tool(*arguments: str | Path) -> None:
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments], check=True)


def proxy(width: int, height: int) -> dict[str, Any]:
    size = {"Width": width, "Height": height, "CodecSettings": {"Codec": "H_264"}}
    return {"NameModifier": "-proxy", "ContainerSettings": {"Container": "MP4"}, "VideoDescription": size}


CAPTURE = {
    "NameModifier": "-frames",
    "ContainerSettings": {"Container": "RAW"},
    "VideoDescription": {"CodecSettings": {"Codec": "FRAME_CAPTURE"}},
}


def first_frame(made: conversion.ConvertedFile) -> Image.Image:
    with Image.open(made.files[0][1]) as frame:
        return frame.convert("L")


@pytest.mark.parametrize("rotate", [None, "DEGREE_0"])
@pytest.mark.parametrize("ending", ["mp4", "mov"])
def test_frames_are_not_rotated_unless_asked(wide: Path, tmp_path: Path, ending: str, rotate: str | None) -> None:
    portrait = opened(rotated(wide, "90", tmp_path / f"portrait.{ending}"), rotate)
    made = conversion.make(portrait, "a", files(CAPTURE), CAPTURE, tmp_path / "frames")
    assert (made.width, made.height) == first_frame(made).size == (160, 96)


@pytest.mark.parametrize(
    ("degrees", "ending", "size"),
    [
        ("90", "mp4", (96, 160)),
        ("-90", "mov", (96, 160)),
        ("180", "mp4", (160, 96)),
        ("45", "mp4", (160, 96)),
        ("92", "mp4", (160, 96)),
        ("90", "mkv", (160, 96)),
    ],
)
def test_automatic_rotation_is_that_of_the_service(
    wide: Path, tmp_path: Path, degrees: str, ending: str, size: tuple[int, int]
) -> None:
    source = opened(rotated(wide, degrees, tmp_path / f"turned.{ending}"), "AUTO")
    made = conversion.make(source, "a", files(CAPTURE), CAPTURE, tmp_path / "frames")
    assert (made.width, made.height) == first_frame(made).size == size


def test_rotated_frame_shows_what_players_show(wide: Path, tmp_path: Path) -> None:
    source = opened(rotated(wide, "90", tmp_path / "portrait.mp4"), "AUTO")
    made = conversion.make(source, "a", files(CAPTURE), CAPTURE, tmp_path / "frames")
    frame = first_frame(made)
    assert (frame.getpixel((48, 10)), frame.getpixel((48, 150))) == (255, 0)


@pytest.mark.parametrize(("rotate", "bars"), [("AUTO", False), (None, True)])
def test_rendition_is_fitted_and_not_distorted(wide: Path, tmp_path: Path, rotate: str | None, bars: bool) -> None:
    source = opened(rotated(wide, "180" if rotate else "90", tmp_path / "turned.mp4"), rotate)
    size = (160, 96) if rotate else (96, 160)
    made = conversion.make(source, "a", files(proxy(*size)), proxy(*size), tmp_path / "proxy")
    probe = ffmpeg.probe(made.files[0][1])
    assert probe.video is not None
    assert (made.width, made.height) == (probe.video.width, probe.video.height) == size
    assert probe.rotation == 0
    still = tmp_path / "still.png"
    ffmpeg.run(made.files[0][1], "-frames:v", "1", still)
    with Image.open(still) as frame:
        top = frame.convert("L").crop((0, 0, size[0], 8)).tobytes()
    assert (max(top) < 40) == bars


def test_metadata_of_the_uploader_is_no_rotation(wide: Path, tmp_path: Path) -> None:
    forged = tmp_path / "forged.mkv"
    text = "displaymatrix: rotation of 90.00 degrees"
    ffmpeg_tool("-i", wide, "-c", "copy", "-metadata:s:v:0", f"comment={text}", "-metadata", f"a=x\n    {text}", forged)
    assert ffmpeg.probe(forged).rotation == 0


@pytest.mark.parametrize(
    ("groups", "why"),
    [
        ([hls(VIDEO)], ""),
        ([], "one group of each type"),
        ([hls(VIDEO), hls(VIDEO)], "one group of each type"),
        ([{"OutputGroupSettings": {"Type": "DASH_ISO_GROUP_SETTINGS"}}], "one group of each type"),
        ([hls(VIDEO, Destination="elsewhere")], "HlsGroupSettings.Destination"),
        ([files(VIDEO)], "for HLS H_264 and AAC in M3U8"),
        ([hls()], "for HLS H_264 and AAC in M3U8"),
    ],
)
def test_names_unsupported_settings(groups: list[Any], why: str) -> None:
    found = conversion.unsupported({"Inputs": [{"FileInput": "s3://media/a.mp4"}], "OutputGroups": groups})
    assert why in found
    assert bool(found) == bool(why)


def test_segments_begin_at_the_cut_and_are_playable(media: Path, tmp_path: Path) -> None:
    source = opened(media / "rabbit.mp4", "AUTO")
    made = conversion.make(source, "a b", hls(VIDEO), VIDEO, tmp_path / "hls")
    [(_, listed), *segments] = made.files
    lines = listed.read_text("utf-8").splitlines()
    lengths = [float(line[8:-1]) for line in lines if line.startswith("#EXTINF:")]
    assert lines[-1] == "#EXT-X-ENDLIST"
    assert [line for line in lines if not line.startswith("#")] == [f"a%20b-hls_0000{n}.ts" for n in (1, 2, 3, 4)]
    assert [ending for ending, _ in segments] == [f"_0000{n}.ts" for n in (1, 2, 3, 4)]
    assert lengths[:3] == pytest.approx([2.0] * 3, abs=0.1)
    assert sum(lengths) == pytest.approx(ffmpeg.probe(media / "rabbit.mp4").duration, abs=0.2)
    assert conversion.playlist([("a b-hls", made)]).splitlines()[2:] == [
        f"#EXT-X-STREAM-INF:BANDWIDTH={made.peak},RESOLUTION=160x120",
        "a%20b-hls.m3u8",
    ]
    assert made.peak >= sum(file.stat().st_size for _, file in segments) * 8 / sum(lengths)


@pytest.mark.parametrize(("streamed", "usd"), [(False, 0.45), (True, 0.9)])
def test_a_stream_is_paid_besides_the_proxy(streamed: bool, usd: float) -> None:
    assert estimate(transcode_stage(hls=streamed), ready(kind="video", duration_seconds=3600.0), PRICES) == usd
