"""Tests of the measured quality of generated audio and video."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from headrace.streams.errors import PermanentError, TransientError
from headrace.streams.media import quality
from headrace.streams.media.inspection.messages import Limits
from headrace.streams.media.quality_report import (
    MOST_SPANS,
    FrameMetadata,
    QualityReport,
    has_bars,
    longest,
    total_seconds,
)
from headrace.streams.media.tools import MediaTools
from tests.support.probed_media import described
from tests.support.records import ready
from tests.support.videos import in_sequence, make_media

MEDIA = Path(__file__).parents[4] / "sandbox" / "media"
SAMPLE = "movie={}:loop=2,setpts=N/FR/TB,trim=duration={}"
"""Real pictures, with their number of seconds: generated ones confuse the detection of interlaced fields."""
LEVEL = "aevalsrc='{0}*sin(2000*PI*t)|{0}*sin(2000*PI*t)':d={1}:s=48000"
"""A stereo sine of 1 kHz with an amplitude."""
MINUS_23_DB = 10 ** (-23 / 20)


async def measured(path: Path, **options: Any) -> QualityReport:
    return await quality.measure(path, await described(path), **options)


def bunny(seconds: float) -> str:
    return SAMPLE.format(MEDIA / "rabbit.mp4", seconds)


def found(report: QualityReport) -> list[tuple[str, float, float]]:
    return [(span.kind, round(span.start_seconds, 1), round(span.end_seconds, 1)) for span in report.spans]


async def test_loudness_of_the_first_test_signal_of_ebu_tech_3341(tmp_path: Path) -> None:
    report = await measured(make_media(tmp_path / "sine.wav", LEVEL.format(MINUS_23_DB, 20)))
    assert report.loudness == pytest.approx(-23.0, abs=0.1)
    assert report.true_peak == pytest.approx(-23.0, abs=0.2)
    assert (report.loudness_range, report.clipped_samples, report.spans) == (0.0, 0, ())


async def test_loudness_range_of_the_first_test_signal_of_ebu_tech_3342(tmp_path: Path) -> None:
    louder, quieter = (LEVEL.format(10 ** (level / 20), 20) for level in (-20, -30))
    joined = f"{louder}[a];{quieter}[b];[a][b]concat=v=0:a=1"
    report = await measured(make_media(tmp_path / "steps.wav", joined))
    assert report.loudness_range == pytest.approx(10.0, abs=1.0)


async def test_overdriven_sound_is_clipped(tmp_path: Path) -> None:
    report = await measured(make_media(tmp_path / "loud.flac", LEVEL.format(2.0, 3)))
    assert report.true_peak is not None
    assert report.true_peak > 0
    assert (report.clipped_samples or 0) > 10_000


async def test_silence_has_no_loudness(tmp_path: Path) -> None:
    report = await measured(make_media(tmp_path / "silence.wav", "anullsrc=d=5"))
    assert (report.loudness, report.loudness_range) == (None, None)
    assert found(report) == [("silent", 0.0, 5.0)]


async def test_silence_is_found_at_its_time(tmp_path: Path) -> None:
    sound = LEVEL.format(0.1, 3)
    joined = f"{sound}[a];anullsrc=d=4:r=48000[b];{sound}[c];[a][b][c]concat=n=3:v=0:a=1"
    report = await measured(make_media(tmp_path / "gap.wav", joined))
    assert found(report) == [("silent", 3.0, 7.0)]


async def test_black_and_frozen_parts_are_found_at_their_time(tmp_path: Path) -> None:
    freeze = f"{bunny(0.1)},fps=10,loop=loop=40:size=1,setpts=N/10/TB"
    path = make_media(tmp_path / "faults.mp4", in_sequence(bunny(3), "color=black:d=3:r=10", bunny(3), freeze))
    report = await measured(path)
    black, *frozen = sorted(found(report))
    assert black == ("black", 3.0, 6.0)
    assert [(kind, round(start)) for kind, start, _ in frozen] == [("frozen", 3), ("frozen", 9)]
    assert frozen[-1][2] == pytest.approx(13.0, abs=0.3)  # it lasts to the end of the file


async def test_letterboxed_part_is_found_at_its_time(tmp_path: Path) -> None:
    boxed = f"{bunny(5)},scale=320:136,pad=320:180:0:22"
    report = await measured(make_media(tmp_path / "bars.mp4", in_sequence(bunny(3), boxed)))
    [(kind, start, end)] = found(report)
    assert kind == "letterboxed"
    assert start == pytest.approx(3.0, abs=1.1)
    assert end == pytest.approx(8.0, abs=0.3)


@pytest.mark.parametrize(("picture", "has_them"), [("crop=iw/2:ih,pad=iw*2:ih:iw/2:0", True), ("null", False)])
async def test_bars_of_anamorphic_video_are_found(tmp_path: Path, picture: str, has_them: bool) -> None:
    shape = f"{bunny(5)},scale=320:180,{picture},scale=180:180,setsar=16/9"
    report = await measured(make_media(tmp_path / "narrow.mp4", shape))
    assert [kind for kind, _, _ in found(report)] == ["letterboxed"] * has_them


async def test_interlaced_video_is_found(tmp_path: Path) -> None:
    path = make_media(
        tmp_path / "fields.mpg",
        f"{bunny(7)},tinterlace=interleave_top,fps=25",
        options=("-flags", "+ildct+ilme", "-c:v", "mpeg2video", "-q:v", "3"),
    )
    report = await measured(path)
    assert {kind for kind, _, _ in found(report)} == {"interlaced"}
    assert longest(report, "interlaced") > 4


async def test_faultless_video_has_no_spans() -> None:
    report = await measured(MEDIA / "rabbit.mp4")
    assert report.spans == ()
    assert report.loudness is not None


async def test_video_without_sound_has_no_loudness() -> None:
    report = await measured(MEDIA / "bottles.mp4")
    assert (report.loudness, report.true_peak, report.clipped_samples) == (None, None, None)


async def test_cover_picture_is_no_video(tmp_path: Path) -> None:
    cover = make_media(tmp_path / "cover.jpg", "color=black:d=1", options=("-frames:v", "1"))
    options = ("-i", str(cover), "-map", "0", "-map", "1", "-disposition:v", "attached_pic")
    report = await measured(make_media(tmp_path / "song.mp3", LEVEL.format(0.1, 4), options=options))
    assert report.loudness is not None
    assert report.spans == ()


async def test_time_is_limited(tmp_path: Path) -> None:
    path = make_media(tmp_path / "long.wav", "anullsrc=d=8000:r=8000:cl=mono")
    media = await described(path)
    with pytest.raises(PermanentError, match="CPU time") as failure:
        await quality.measure(path, media, tools=MediaTools(Limits(cpu_seconds=1, wall_seconds=300)))
    assert failure.value.code == "unsupported_input"


async def test_ffmpeg_without_a_filter_is_no_fault_of_the_file(tmp_path: Path) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\necho \"[AVFilterGraph @ 0x1] No such filter: 'cropdetect'\" >&2\nexit 8\n")
    program.chmod(0o755)
    with pytest.raises(TransientError, match="no filter cropdetect: correct IMAGEIO_FFMPEG_EXE"):
        await measured(MEDIA / "rabbit.mp4", tools=MediaTools(ffmpeg=str(program)))


async def test_damaged_files_end_with_a_report_or_an_error(tmp_path: Path) -> None:
    draw = random.Random(7)
    content = (MEDIA / "rabbit.mp4").read_bytes()
    media = await described(MEDIA / "rabbit.mp4")
    path = tmp_path / "damaged.mp4"
    codes = set()
    for _ in range(12):
        damaged = bytearray(content)
        for _ in range(200):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        path.write_bytes(damaged[: draw.randrange(1_000, len(damaged))])
        try:
            assert isinstance(await quality.measure(path, media), QualityReport)
        except PermanentError as error:
            codes.add(error.code)
    assert codes <= {"unreadable", "unsupported_input", "too_large"}


@pytest.mark.parametrize("content", [b"plain text " * 99, b"RIFF\xff\xff\xff\xffWAVEfmt "])
async def test_other_content_is_unreadable(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(PermanentError) as failure:
        await quality.measure(path, ready(kind="audio", format="wav", audio_codec="pcm_s16le"))
    assert failure.value.code == "unreadable"


def test_metadata_ignores_other_lines() -> None:
    reading = FrameMetadata(320, 180)
    for line in ("frame:", "frame:0 pts_time:nan", "lavfi.r128.I=", "lavfi.r128.I=inf", "x", "=", "lavfi.black_end=3"):
        reading.line(line)
    assert reading.report(None) == QualityReport(None, None, None, None, ())


def test_number_of_spans_is_limited() -> None:
    reading = FrameMetadata(0, 0)
    for number in range(MOST_SPANS + 5):
        reading.line(f"lavfi.black_start={number}")
        reading.line(f"lavfi.black_end={number}.5")
    report = reading.report(None)
    assert len(report.spans) == MOST_SPANS
    assert total_seconds(report) == {"black": MOST_SPANS / 2}


@pytest.mark.parametrize(
    ("corners", "bars"),
    [
        ((0, 319, 22, 157), True),
        ((40, 279, 0, 179), True),
        ((0, 319, 0, 179), False),
        ((0, 319, 0, 140), False),
        ((319, 0, 179, 0), False),
        ((0, 319, 3, 176), False),
    ],
    ids=["letterbox", "pillarbox", "full", "bottom only", "black", "narrow"],
)
def test_bars_are_two_of_about_the_same_size(corners: tuple[int, int, int, int], bars: bool) -> None:
    assert has_bars(corners, (320, 180)) is bars
