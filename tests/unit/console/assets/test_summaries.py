"""One-line summaries of events."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.console.assets.summaries import _SUMMARIES, result_location, summarize
from headrace.console.terminal.formatting import format_bytes, format_duration, format_usd
from headrace.schemas.records import (
    Event,
    Face,
    FacesDetected,
    Label,
    MediaModerated,
    MediaSegmented,
    MediaThumbnailed,
    MediaTranscribed,
    Picture,
    PiiDetected,
    Segment,
    SentimentDetected,
    StageFailure,
)
from headrace.streams import pipeline
from tests.support import records
from tests.support.records import job_started
from tests.unit.console.asset_history import POINTER, completed, labelled

ASSET = records.asset()
FACE = Face(confidence=9, age_low=20, age_high=28)
MOODS = {"positive": 0.25, "negative": 0.0, "neutral": 0.75, "mixed": 0.0}
SHOT = Segment(kind="Shot", start_seconds=0, end_seconds=1, confidence=99)
BLACK = Segment(kind="BlackFrames", start_seconds=0, end_seconds=1, confidence=99)
PICTURE = Picture(location=POINTER, width=64, height=36)


def transcribed(text: str) -> MediaTranscribed:
    return MediaTranscribed(
        asset=records.asset(),
        language="en-US",
        excerpt=text,
        words=len(text.split()),
        result=POINTER,
        charges=(),
    )


def moderated(*names: str) -> MediaModerated:
    flags = tuple(Label(name=name, confidence=90.0) for name in names)
    return MediaModerated(
        asset=records.asset(), flags=flags, flag_count=len(flags), model="m", result=POINTER, charges=()
    )


VIDEO: dict[str, Any] = {"kind": "video", "format": "mp4", "width": 640, "height": 360, "duration_seconds": 40.02}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (records.uploaded(), "10 B"),
        (records.scanned(), "harmless image/jpeg"),
        (records.probed(**VIDEO, video_codec="h264", audio_codec="aac"), "video 640x360 40.0 s h264+aac"),
        (records.probed(), "image jpeg"),
        (labelled(), "Cat, Sofa"),
        (moderated(), "nothing unsafe"),
        (moderated("A", "B", "C", "D", "E"), "A, B, C and 2 more"),
        (transcribed(""), "no words"),
        (transcribed("ask not"), "2 words en-US: ask not"),
        (transcribed("word " * 20), "20 words en-US: word word word word word word word word …"),
        (MediaThumbnailed(asset=records.asset(), pictures=(PICTURE,)), "1 picture"),
        (
            FacesDetected(
                asset=ASSET, faces=(Face(confidence=9, age_low=20, age_high=28),), count=2, result=POINTER, charges=()
            ),
            "2 faces, the surest 20-28 years old",
        ),
        (
            MediaSegmented(asset=ASSET, segments=(SHOT, SHOT, BLACK), count=3, result=POINTER, charges=()),
            "2 shots, 1 blackframes",
        ),
        (
            PiiDetected(asset=ASSET, kinds=("EMAIL",), count=3, spans=(), result=POINTER, charges=()),
            "EMAIL",
        ),
        (
            SentimentDetected(
                asset=ASSET,
                sentiment="NEUTRAL",
                positive=0.25,
                negative=0,
                neutral=0.75,
                mixed=0,
                result=POINTER,
                charges=(),
            ),
            "neutral (25% positive)",
        ),
        (job_started(), "job j1"),
        (records.job_finished("t", status="failed", message="no sound"), "failed: no sound"),
        (completed(failed=(StageFailure(stage="scan", code="infected", reason=""),)), "2 done, 1 failed"),
        (None, ""),
    ],
)
def test_summarizes_an_event(event: Event | None, expected: str) -> None:
    assert summarize(event) == expected


def test_gives_the_location_of_a_stored_result() -> None:
    where = "s3://results/a/labels@1.answer.json"
    assert result_location(labelled()) == where
    assert result_location(MediaThumbnailed(asset=records.asset(), pictures=(PICTURE, PICTURE))) == where


def test_result_inside_the_event_has_no_location() -> None:
    assert result_location(records.scanned()) is None
    assert result_location(MediaThumbnailed(asset=records.asset(), pictures=())) is None


@pytest.mark.parametrize(
    ("number", "expected"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2_500_000, "2.5 MB"), (3e15, "3000.0 TB")]
)
def test_formats_sizes(number: int, expected: str) -> None:
    assert format_bytes(number) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(None, ""), (0.25, "250 ms"), (4.21, "4.2 s"), (200, "3 min 20 s"), (7300, "2 h 1 min")]
)
def test_formats_durations(seconds: float | None, expected: str) -> None:
    assert format_duration(seconds) == expected


def test_no_results_cost_nothing() -> None:
    assert (format_usd(0), format_usd(0.0712)) == ("", "$0.0712")


def test_every_result_has_a_summary_and_a_location() -> None:
    events = {stage.writes.events[0] for stage in pipeline.all_stages() if stage.writes and not stage.summary}
    assert events <= set(_SUMMARIES)
