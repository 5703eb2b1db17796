"""Tests that the sample files have their expected outcomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.sandbox.demo.samples import DONE, MEDIA, SampleFile, cut_off, samples
from headrace.streams import pipeline
from headrace.streams.errors import PermanentError
from headrace.streams.media import content_check, probe

NAMED = {sample.name: sample for sample in samples()}


def written(sample: SampleFile, folder: Path) -> Path:
    path = folder / sample.name
    path.write_bytes(sample.content())
    return path


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)
async def test_probe_has_the_expected_outcome(sample: SampleFile, tmp_path: Path) -> None:
    try:
        await probe.probe(written(sample, tmp_path))
        ending = DONE
    except PermanentError as failure:
        ending = failure.code
    assert ending == sample.endings["probe"]


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)
def test_scan_has_the_expected_outcome(sample: SampleFile, tmp_path: Path) -> None:
    try:
        content_check.check(written(sample, tmp_path), sample.name)
        ending = DONE
    except PermanentError as failure:
        ending = failure.code
    assert ending == sample.endings["scan"]


def test_every_named_stage_exists() -> None:
    stages = {stage.name for stage in pipeline.stages()}
    assert {stage for sample in samples() for stage in sample.endings} <= stages


def test_every_stage_with_results_has_a_sample() -> None:
    shown = {stage for sample in samples() for stage, ending in sample.endings.items() if ending == DONE}
    assert shown == {stage.name for stage in pipeline.stages() if stage.writes} - {"completed"}


def test_captions_are_uploaded_before_their_recording() -> None:
    names = [sample.name for sample in samples()]
    assert names.index("jfk.srt") < names.index("jfk.flac")


def test_corrupt_file_is_a_truncated_video() -> None:
    whole = (MEDIA / "rabbit.mp4").read_bytes()
    assert whole.startswith(cut_off())
    assert 0.5 < len(cut_off()) / len(whole) < 0.7


def test_no_stored_file_contains_the_eicar_string() -> None:
    assert [path.name for path in MEDIA.iterdir() if content_check.eicar() in path.read_bytes()] == []
    assert sum(path.stat().st_size for path in MEDIA.iterdir()) < 4_000_000
