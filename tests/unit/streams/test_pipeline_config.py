"""A pipeline as data: what it switches, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace.schemas import topics
from headrace.schemas.jobs import CONCURRENT_JOBS
from headrace.schemas.records import MediaProbed
from headrace.schemas.settings import SettingsError
from headrace.streams import pipeline
from headrace.streams.costs.asset_budget import BudgetLimits
from headrace.streams.limits import job_quotas
from headrace.streams.results import ResultsStore
from headrace.streams.stage import Stage, Transform, record_filter
from headrace.streams.stages import ready as ready_stage
from headrace.streams.stages.probe import probe_stage
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.records import asset, envelope, probed, ready, scanned, uploaded

MEDIA = Path(__file__).parents[3] / "sandbox" / "media"


@pytest.fixture
def pipeline_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "pipeline.toml"
    monkeypatch.setenv("HEADRACE_PIPELINE", str(path))
    return path


def stage(name: str) -> Stage:
    [named] = pipeline.get_stages([name], pipeline.stages(pipeline.load_config()))
    return named


def names() -> set[str]:
    return {each.name for each in pipeline.stages(pipeline.load_config())}


def test_without_a_file_the_usual_stages_are_on() -> None:
    assert names() == {each.name for each in pipeline.DEFAULT_STAGES} | {"completed"}


def test_a_file_switches_stages_on_and_off(pipeline_file: Path) -> None:
    usual = {each.name for each in pipeline.DEFAULT_STAGES}
    pipeline_file.write_text("[stages.faces]\non = true\n[stages.moderation]\non = false\n", "utf-8")
    assert names() == usual - {"moderation"} | {"faces", "completed"}
    completed = stage("completed")
    assert {"media.faces-detected", "faces.dlq"} <= {topic.name for topic in completed.reads}
    assert "media.moderated" not in {topic.name for topic in completed.reads}


def test_the_file_of_the_demo_switches_everything_on(monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(__file__).parents[3] / "sandbox" / "demo" / "all_stages.toml"
    monkeypatch.setenv("HEADRACE_PIPELINE", str(path))
    assert names() == {each.name for each in pipeline.all_stages()} | {"completed"}


def test_a_file_narrows_what_a_stage_takes_and_never_widens_it(pipeline_file: Path) -> None:
    pipeline_file.write_text('[stages.labels]\nwhen = { asset = { key = [{ prefix = "in/" }] } }\n', "utf-8")
    wants = record_filter(stage("labels"))
    inside, outside = (ready().asset.__class__(**{**_fields(ready().asset), "key": key}) for key in ("in/a", "out/a"))
    assert wants(ready(inside))
    assert not wants(ready(outside))
    assert not wants(ready(inside, kind="audio"))


def _fields(asset: object) -> dict[str, Any]:
    return {name: getattr(asset, name) for name in ("bucket", "key", "version", "etag", "size", "sequencer")}


def test_settings_are_part_of_the_name_of_a_result(pipeline_file: Path) -> None:
    pipeline_file.write_text('[stages.translation]\non = true\nto = "fr"\n', "utf-8")
    french = stage("translation").result_name
    pipeline_file.write_text('[stages.translation]\non = true\nto = "it"\n', "utf-8")
    assert len({french, stage("translation").result_name, "translation@1"}) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[stages.lables]\non = true\n", "no such stage; there are thumbnails, scan"),
        ("[stages.labels]\non = 1\n", "on = true or false, not 1"),
        ("[stages.translation]\nto = 3\non = true\n", "to = 3: give one like 'de'"),
        ("[stages.translation]\ninto = 'de'\non = true\n", "no such setting; there are on, when, to"),
        ("[stages.labels]\nheight = 3\n", "no such setting; there are on, when"),
        ("[stages.labels]\nwhen = { kind = 'image' }\n", "[stages.labels] when"),
        ("[stages.labels]\nwhen = 3\n", "[stages.labels] when"),
        (
            "[stages.entities]\non = true\nwhen = { tags = { a = ['b'] } }\n",
            "[stages.entities] when: its records have no tags; narrow the stages that it reads from",
        ),
        ("[stages.probe]\ntags = 1\n", "tags = 1: give one like False"),
        ("[stages.voice]\non = true\n", "translation is off, which it reads from"),
        ("[stages.entities]\non = true\n[stages.transcript]\non = false\n", "transcript or documents is off"),
        ("[stages.scan]\non = false\n", "[stages.ready] is on, but scan is off"),
        ("[stage.labels]\n", "[stage] is unknown"),
        ("stages = 3\n", "[stages.NAME]"),
        ("[stages]\nlabels = true\n", "not labels = ..."),
        ("[budget]\nasset = 0\n", "more than 0"),
        ("[budget]\nday = true\n", "[budget] day = True: give US dollars, more than 0"),
        ("[budget]\nweek = 3\n", "[budget] has asset"),
        ("[budget\n", "pipeline.toml"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_place(pipeline_file: Path, text: str, said: str) -> None:
    pipeline_file.write_text(text, "utf-8")
    with pytest.raises(SettingsError) as refused:
        pipeline.stages(pipeline.load_config())
    assert said in str(refused.value)


def test_a_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_PIPELINE", "/nowhere/pipeline.toml")
    with pytest.raises(SettingsError, match=r"/nowhere/pipeline\.toml"):
        pipeline.stages(pipeline.load_config())


def test_a_stage_that_is_off_says_how_it_is_switched_on() -> None:
    with pytest.raises(ValueError, match="faces: off in this pipeline"):
        pipeline.get_stages(["faces"])


def test_a_budget_is_read(pipeline_file: Path) -> None:
    pipeline_file.write_text("[budget]\nasset = 2.5\nday = 40\n", "utf-8")
    assert pipeline.load_config().budget == BudgetLimits(2.5, 40)


def test_tags_are_read_where_a_pattern_asks_for_them_and_nowhere_else(pipeline_file: Path) -> None:
    pipeline_file.write_text('[stages.labels]\nwhen = { tags = { team = ["news"], "cost.centre" = ["7"] } }\n', "utf-8")
    wants = record_filter(stage("labels"))
    assert wants(ready(tags={"team": "news", "cost.centre": "7", "items": "2"}))
    assert not wants(ready(tags={"team": "news", "cost.centre": "8"}))
    assert not wants(ready(tags={"team": "news"}))
    assert not wants(ready())
    assert stage("probe").options == ("tags=True",)
    pipeline_file.write_text('[stages.labels]\nwhen = { kind = ["image"] }\n', "utf-8")
    assert stage("probe").options == ()


@pytest.mark.parametrize(
    "when", ["tags = [{ exists = false }]", '"$or" = [{ tags = { a = ["b"] } }, { kind = ["image"] }]']
)
def test_every_way_to_ask_for_tags_counts(pipeline_file: Path, when: str) -> None:
    pipeline_file.write_text(f"[stages.labels]\nwhen = {{ {when} }}\n", "utf-8")
    assert stage("probe").options == ("tags=True",)


def test_tags_can_be_read_for_rules_alone(pipeline_file: Path) -> None:
    pipeline_file.write_text("[stages.probe]\ntags = true\n", "utf-8")
    assert stage("probe").result_name != "probe@1"


@pytest.mark.parametrize(("tags", "asked"), [(True, 1), (False, 0)])
async def test_tags_come_with_what_is_probed(tags: bool, asked: int) -> None:
    outside = FakeServices(path=MEDIA / "bottles.jpg", tagged={"team": "news"})
    handler = probe_stage(tags=tags).handler
    assert isinstance(handler, Transform)
    found = await handler.run(uploaded(), outside.services(ResultsStore(MemoryBucket())))
    assert isinstance(found, MediaProbed)
    assert found.tags == ({"team": "news"} if tags else None)
    assert outside.asked("tags") == asked


async def test_tags_reach_the_stages_that_cost_something() -> None:
    results = ResultsStore(MemoryBucket())
    for name, event in (("scan", scanned()), ("probe", probed(tags={"team": "news"}))):
        await results.put(asset(), f"{name}@1", event, envelope(event), "")
    joined = await ready_stage.ready(asset(), await results.load(asset()))
    assert joined is not None
    assert joined.tags == {"team": "news"}


def test_the_quota_of_a_service_is_shared_by_its_stages() -> None:
    slots = job_quotas.shares(pipeline.stages(), 4, {})
    assert slots["labels"] + slots["moderation"] == CONCURRENT_JOBS["rekognition"]
    assert job_quotas.overbooked(pipeline.stages(), 4, {}) == []


def test_what_a_user_says_of_slots_goes_before_and_the_rest_is_shared() -> None:
    slots = job_quotas.shares(pipeline.stages(), 4, {"labels": 15})
    assert (slots["labels"], slots["moderation"]) == (15, 5)
    [line] = job_quotas.overbooked(pipeline.stages(), 4, {"labels": 30})
    assert line.startswith("rekognition runs 20 jobs at a time")


@pytest.mark.parametrize("name", [stage.name for stage in pipeline.OPTIONAL_STAGES])
def test_a_stage_that_is_switched_on_alone_has_every_topic_that_it_needs(pipeline_file: Path, name: str) -> None:
    fed_by = "[stages.translation]\non = true\n" if name == "voice" else ""
    pipeline_file.write_text(f"[stages.{name}]\non = true\n{fed_by}")
    on = pipeline.stages(pipeline.load_config())
    there = {topic.name for topic in topics.table(each.name for each in on)}
    for each in on:
        needed = (*each.inputs, *([each.writes] if each.writes else []))
        assert {topic.name for topic in needed} <= there, each.name
