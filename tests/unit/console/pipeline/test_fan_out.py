"""Which records one file becomes, by the topics and filters of the stages."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.console.pipeline.fan_out import FanOut, StageFilters, fan_out
from headrace.console.pipeline.media_kinds import DOCUMENT, ObjectKind, ready_media
from headrace.streams import pipeline
from headrace.streams.pipeline import load_config
from headrace.streams.stage import Stage

ALL = str(Path(__file__).parents[4] / "sandbox" / "demo" / "all_stages.toml")


def followed(kind: ObjectKind, words: int = 100, path: str = "", content_type: str = "") -> FanOut:
    stages = pipeline.stages(load_config(path))
    return fan_out(StageFilters(stages), ready_media(kind, 60.0, 1000, content_type), words)


def accepted(of: FanOut) -> dict[str, int]:
    names = [each.stage.name for each in of.deliveries]
    return {name: names.count(name) for name in names}


def test_image_of_the_default_pipeline() -> None:
    of = followed("image")
    assert of.records == {
        "media.uploaded": 1,
        "media.thumbnailed": 1,
        "media.scanned": 1,
        "media.probed": 1,
        "media.ready": 1,
        "media.labelled": 1,
        "media.moderated": 1,
        "media.completed": 1,
    }
    assert accepted(of) == {
        "thumbnails": 1,
        "scan": 1,
        "probe": 1,
        "ready": 2,
        "labels": 1,
        "moderation": 1,
        "completed": 6,
    }


def test_video_of_the_default_pipeline_has_three_jobs_that_are_looked_up_later() -> None:
    of = followed("video")
    assert sorted(each.stage.name for each in of.deliveries if each.is_job) == ["labels", "moderation", "transcript"]
    assert [of.records[name] for name in ("jobs.started", "jobs.finished", "overdue.retry")] == [3, 3, 3]
    assert of.records["system.slots"] == 9


def test_sound_without_words_reaches_no_stage_of_texts() -> None:
    silent, spoken = followed("audio", 0, ALL), followed("audio", 100, ALL)
    assert "entities" not in accepted(silent)
    assert accepted(spoken)["entities"] == 1
    assert spoken.records["media.voiced"] == 1, "the voice reads what the translation writes"


def test_image_becomes_a_call_and_a_document_a_job() -> None:
    assert not any(each.is_job for each in followed("image", 100, ALL).of(_stage("documents")))
    [document] = followed("other", 100, ALL, DOCUMENT).of(_stage("documents"))
    assert document.is_job


def test_fan_in_needs_what_the_kind_of_file_needs() -> None:
    assert followed("audio", 100, ALL).records["media.redacted"] == 1
    assert "media.redacted" not in followed("other", 100, ALL, DOCUMENT).records


@pytest.mark.parametrize("kind", ["image", "video", "audio", "other"])
def test_every_record_of_a_stage_completes_the_asset_once(kind: ObjectKind) -> None:
    of = followed(kind, 100, ALL, DOCUMENT if kind == "other" else "")
    assert of.records["media.completed"] == 1
    results = sum(count for name, count in of.records.items() if name.startswith("media.")) - 2
    assert accepted(of)["completed"] == results, "each result but the upload and the summary itself"


def _stage(name: str) -> Stage:
    [stage] = pipeline.get_stages([name], pipeline.stages(load_config(ALL)))
    return stage
