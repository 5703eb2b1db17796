"""Tests that a stage that needs consent processes only the named buckets and prefixes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from headrace.schemas.topics import READY
from headrace.streams.handlers import Transform
from headrace.streams.pipeline_config import PipelineConfig, PipelineConfigError, select_stages
from headrace.streams.stage import Stage, record_filter
from tests.support.records import asset, ready


async def _run(record: Any, services: Any) -> None:
    return None


def _built(threshold: float = 95.0, options: tuple[str, ...] = ()) -> Stage:
    handler = Transform(_run)
    return Stage(
        "people", reads=(READY,), handler=handler, options=options, factory=_built, needs_consent=True,
        when={"kind": ["image"]},
    )  # fmt: skip


STAGE = _built()


def selected(**settings: Any) -> Stage:
    config = PipelineConfig({"people": {"on": True, **settings}})
    return {each.name: each for each in select_stages(config, (), (STAGE,))}["people"]


def accepts(stage: Stage, bucket: str, key: str) -> bool:
    return record_filter(stage)(ready(asset(key, bucket=bucket)))


def test_stage_without_consent_processes_nothing() -> None:
    assert not accepts(STAGE, "media", "a.jpg")
    assert accepts(replace(STAGE, needs_consent=False), "media", "a.jpg")


@pytest.mark.parametrize(
    ("consent", "bucket", "key", "accepted"),
    [
        (["s3://media"], "media", "a.jpg", True),
        (["s3://media/"], "media", "a.jpg", True),
        (["s3://media"], "media2", "a.jpg", False),
        (["s3://media/staff/"], "media", "staff/a.jpg", True),
        (["s3://media/staff/"], "media", "staff2/a.jpg", False),
        (["s3://media/staff/", "s3://press"], "press", "a.jpg", True),
        (["s3://media/staff/", "s3://press"], "media", "a.jpg", False),
        (["s3://media/ä*[x]/"], "media", "ä*[x]/a.jpg", True),
        (["s3://media/ä*[x]/"], "media", "äyx/a.jpg", False),
    ],
)
def test_consent_is_for_a_bucket_or_a_prefix(consent: list[str], bucket: str, key: str, accepted: bool) -> None:
    assert accepts(selected(consent=consent), bucket, key) == accepted


def test_other_filters_still_apply() -> None:
    stage = selected(consent=["s3://media"], when={"width": [{"numeric": [">", 100]}]})
    matches = record_filter(stage)
    assert matches(ready(asset(bucket="media"), width=200))
    assert not matches(ready(asset(bucket="media"), width=50))
    assert not matches(ready(asset(bucket="media"), kind="video", width=200))


def test_changed_consent_keeps_stored_results() -> None:
    one, other = selected(consent=["s3://media"]), selected(consent=["s3://media", "s3://press"])
    assert one.result_name == other.result_name == "people@1"
    assert selected(consent=["s3://media"], threshold=90.0).options == ("threshold=90.0",)


@pytest.mark.parametrize("consent", [None, [], "s3://media", ["media"], ["s3://"], [7], ["s3://me*/a"], ["s3:// x"]])
def test_missing_or_invalid_consent_is_an_error_that_names_the_setting(consent: Any) -> None:
    settings = {} if consent is None else {"consent": consent}
    with pytest.raises(PipelineConfigError, match=r'\[stages.people\] consent: .*consent = \["s3://bucket/prefix/"\]'):
        selected(**settings)
