"""Tests of the stage that compares the quality of a file with a profile."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headrace.schemas.records import MediaReady, QualityFailure, QualityMeasured, QualitySpan
from headrace.streams import pipeline
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.outcome import Dead, Done
from headrace.streams.engine.runner import Runner
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.media.quality_report import QualityReport
from headrace.streams.pipeline_config import PipelineConfig, PipelineConfigError
from headrace.streams.results import ResultsStore
from headrace.streams.stage import Stage, record_filter
from headrace.streams.stages.quality import QualityProfile, judge, quality_stage, search_texts, summarize
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.prices import PRICES
from tests.support.records import CODEC, ready, received

MEDIA = Path(__file__).parents[4] / "sandbox" / "media"
PROFILE = QualityProfile(-23.0, 1.0, -1.0, 100.0, {"black": 10.0, "letterboxed": math.inf})


def bunny() -> MediaReady:
    return ready(kind="video", format="mov", duration_seconds=7.8, width=320, height=240, audio_codec="aac")


def report(**changes: Any) -> QualityReport:
    given = {"loudness": -23.0, "loudness_range": 5.0, "true_peak": -3.0, "clipped_samples": 0, "spans": ()}
    return QualityReport(**{**given, **changes})


def span(kind: str, start: float, end: float) -> QualitySpan:
    return QualitySpan(kind=kind, start_seconds=start, end_seconds=end)


def checks(**changes: Any) -> list[str]:
    return [failure.check for failure in judge(report(**changes), PROFILE)]


def configured(**settings: Any) -> Stage:
    config = PipelineConfig({"quality": {"on": True, **settings}})
    [stage] = pipeline.get_stages(["quality"], pipeline.stages(config))
    return stage


async def run(stage: Stage, path: Path, media: MediaReady, bucket: MemoryBucket) -> Done | Dead:
    store = ResultsStore(bucket)
    services = FakeServices(path=path).services(store)
    context = RunnerContext(CODEC, store, services, UnlimitedSlots(), PRICES)
    outcome = await Runner(stage, context).run(received(media))
    assert isinstance(outcome, Done | Dead)
    return outcome


async def test_measures_a_video_and_stores_the_report() -> None:
    bucket = MemoryBucket()
    outcome = await run(configured(loudness=-40.0), MEDIA / "rabbit.mp4", bunny(), bucket)
    assert isinstance(outcome, Done)
    event = CODEC.decode(outcome.events[0].value)
    assert isinstance(event, QualityMeasured)
    assert (event.passed, event.failures, event.loudness_lufs) == (True, (), -39.7)
    stored = msgspec.json.decode(bucket.objects[event.result.key], type=QualityReport)
    assert stored.loudness == -39.7
    assert event.result.key.rpartition("/")[2] == f"{configured(loudness=-40.0).result_name}.report.json"


async def test_file_outside_the_profile_fails() -> None:
    outcome = await run(configured(), MEDIA / "rabbit.mp4", bunny(), MemoryBucket())
    assert isinstance(outcome, Done)
    event = CODEC.decode(outcome.events[0].value)
    assert isinstance(event, QualityMeasured)
    assert not event.passed
    assert event.failures[0] == QualityFailure(
        check="loudness", measured=-39.7, lowest=-24.0, highest=-22.0, unit="LUFS"
    )


async def test_undecodable_file_is_dead_lettered(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(b"\0\0\0\x18ftypisom" + b"\xff" * 2000)
    outcome = await run(configured(), path, bunny(), MemoryBucket())
    assert isinstance(outcome, Dead)
    assert outcome.code == "unreadable"


def test_reads_audio_and_video_only() -> None:
    accepts = record_filter(configured())
    assert [accepts(ready(kind=kind)) for kind in ("video", "audio", "image", "other")] == [True, True, False, False]


@pytest.mark.parametrize(
    ("loudness", "passes"),
    [(-23.0, True), (-24.0, True), (-22.0, True), (-24.1, False), (-21.9, False), (None, True)],
)
def test_loudness_passes_within_the_tolerance(loudness: float | None, passes: bool) -> None:
    assert checks(loudness=loudness) == ([] if passes else ["loudness"])


def test_peaks_and_clipping_pass_up_to_their_limit() -> None:
    assert checks(true_peak=-1.0, clipped_samples=100) == []
    assert checks(true_peak=-0.9, clipped_samples=101) == ["true_peak", "clipped"]
    assert checks(true_peak=None, clipped_samples=None) == []


def test_the_longest_span_decides() -> None:
    several = tuple(span("black", start, start + 9.0) for start in (0.0, 20.0, 40.0))
    assert checks(spans=several) == []
    assert checks(spans=(*several, span("black", 60.0, 70.5))) == ["black"]
    assert checks(spans=(span("letterboxed", 0.0, 5000.0),)) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"black": -1.0}, r"\[stages\.quality\] black = -1\.0: use at least 0; inf switches the check off"),
        ({"loudness_tolerance": -0.5}, r"loudness_tolerance = -0\.5: use at least 0"),
        ({"loudness": math.nan}, "loudness = nan: use a number"),
        ({"loudnes": -20.0}, "loudnes: unknown setting; there are .*loudness"),
        ({"loudness": "loud"}, "loudness = 'loud': use a value such as -23.0"),
    ],
)
def test_settings_without_a_meaning_are_rejected(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(PipelineConfigError, match=message):
        configured(**settings)


def test_settings_are_part_of_the_result_name() -> None:
    assert configured().result_name == "quality@1"
    assert configured(black=2.0).result_name != configured(black=3.0).result_name


def test_faults_are_found_by_name_time_and_verdict() -> None:
    failures = (
        QualityFailure(check="true_peak", measured=0.3, highest=-1.0, unit="dBTP"),
        QualityFailure(check="black", measured=12.0, highest=10.0, unit="s"),
    )
    event = QualityMeasured(
        asset=ready().asset,
        passed=False,
        failures=failures,
        spans=(span("black", 1.0, 13.0), span("silent", 2.0, 5.0)),
        count=2,
        seconds={"black": 12.0, "silent": 3.0},
        result=None,  # type: ignore[arg-type]  # the search does not read it
    )
    assert [(each.text, each.category, each.start, each.end) for each in search_texts(event)] == [
        ("black", "failed", 1.0, 13.0),
        ("silent", "noted", 2.0, 5.0),
        ("true peak", "failed", None, None),
    ]


def test_summary_names_failures_first() -> None:
    stage = quality_stage()
    assert stage.summary is summarize
    failure = QualityFailure(check="true_peak", measured=0.3, highest=-1.0, unit="dBTP")
    event = QualityMeasured(
        asset=ready().asset,
        passed=False,
        failures=(failure,),
        loudness_lufs=-23.1,
        spans=(),
        count=1,
        seconds={"black": 3.04},
        result=None,  # type: ignore[arg-type]  # the summary does not read it
    )
    assert summarize(event) == "fails: true peak 0.3 dBTP, -23.1 LUFS, black 3 s"
    assert summarize(msgspec.structs.replace(event, passed=True, failures=(), seconds={})) == "passes: -23.1 LUFS"
