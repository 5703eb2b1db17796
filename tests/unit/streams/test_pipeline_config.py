"""Tests of the pipeline file: enabled stages, filters, settings, budget and rejected files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace.schemas import topics
from headrace.schemas.jobs import CONCURRENT_JOBS
from headrace.schemas.records import MediaProbed
from headrace.schemas.settings import SettingsError
from headrace.streams import pipeline, pipeline_config
from headrace.streams.costs.asset_budget import BudgetLimits
from headrace.streams.handlers import Transform
from headrace.streams.limits import job_quotas
from headrace.streams.pipeline_config import PipelineConfig
from headrace.streams.results import ResultsStore
from headrace.streams.stage import Stage, record_filter
from headrace.streams.stages import ready as ready_stage
from headrace.streams.stages.probe import probe_stage
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.records import asset, envelope, probed, ready, scanned, uploaded
from tests.support.stages import get_stages

ALL_STAGES = Path(__file__).parents[3] / "sandbox" / "demo" / "all_stages.toml"
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


def test_default_stages_are_enabled_without_a_file() -> None:
    assert names() == {each.name for each in pipeline.DEFAULT_STAGES} | {"completed"}


def test_file_enables_and_disables_stages(pipeline_file: Path) -> None:
    default = {each.name for each in pipeline.DEFAULT_STAGES}
    pipeline_file.write_text("[stages.faces]\non = true\n[stages.moderation]\non = false\n", "utf-8")
    assert names() == default - {"moderation"} | {"faces", "completed"}
    completed = stage("completed")
    assert {"media.faces-detected", "faces.dlq"} <= {topic.name for topic in completed.reads}
    assert "media.moderated" not in {topic.name for topic in completed.reads}


def test_demo_file_enables_every_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(__file__).parents[3] / "sandbox" / "demo" / "all_stages.toml"
    monkeypatch.setenv("HEADRACE_PIPELINE", str(path))
    assert names() == {each.name for each in pipeline.all_stages()} | {"completed"}


def test_machines_switch_on_their_tasks(pipeline_file: Path) -> None:
    pipeline_file.write_text("[stages.machines]\non = true\n", "utf-8")
    assert {"machines", "machine-tasks"} <= names()
    pipeline_file.write_text("[stages.machines]\non = true\n[stages.machine-tasks]\non = false\n", "utf-8")
    assert "machine-tasks" not in names()


def test_file_filter_narrows_the_filter_of_the_stage(pipeline_file: Path) -> None:
    pipeline_file.write_text('[stages.labels]\nwhen = { asset = { key = [{ prefix = "in/" }] } }\n', "utf-8")
    accepts = record_filter(stage("labels"))
    inside, outside = (ready().asset.__class__(**{**_fields(ready().asset), "key": key}) for key in ("in/a", "out/a"))
    assert accepts(ready(inside))
    assert not accepts(ready(outside))
    assert not accepts(ready(inside, kind="audio"))


def _fields(asset: object) -> dict[str, Any]:
    return {name: getattr(asset, name) for name in ("bucket", "key", "version", "etag", "size", "sequencer")}


def test_settings_are_part_of_the_result_name(pipeline_file: Path) -> None:
    pipeline_file.write_text('[stages.translation]\non = true\nto = "fr"\n', "utf-8")
    french = stage("translation").result_name
    pipeline_file.write_text('[stages.translation]\non = true\nto = "it"\n', "utf-8")
    assert len({french, stage("translation").result_name, "translation@1"}) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[stages.lables]\non = true\n", "unknown stage; there are thumbnails, scan"),
        ("[stages.labels]\non = 1\n", "on = true or false, not 1"),
        ("[stages.translation]\nto = 3\non = true\n", "to = 3: use a value such as 'de'"),
        ("[stages.translation]\ninto = 'de'\non = true\n", "unknown setting; there are on, when, reuse, to"),
        ("[stages.labels]\nheight = 3\n", "unknown setting; there are on, when"),
        ("[stages.labels]\nwhen = { kind = 'image' }\n", "[stages.labels] when"),
        ("[stages.labels]\nwhen = 3\n", "[stages.labels] when"),
        ("[stages.labels]\nreuse = true\n", '[stages.labels] reuse = True: use "content", or leave it out'),
        ("[stages.probe]\nreuse = 'content'\n", "[stages.probe] reuse: it reads media.uploaded"),
        (
            "[stages.face-search]\non = true\nconsent = ['s3://media']\nreuse = 'content'\n",
            "[stages.face-search] reuse: what was found with consent is not shared",
        ),
        ("[stages.ready]\nreuse = 'content'\n", "[stages.ready] reuse: the stage has no results of its own"),
        ("[stages.overdue]\nreuse = 'content'\n", "[stages.overdue] reuse: the stage has no results of its own"),
        (
            "[stages.entities]\non = true\nwhen = { tags = { a = ['b'] } }\n",
            "[stages.entities] when: its records have no tags; narrow the stages that it reads from",
        ),
        ("[stages.probe]\ntags = 1\n", "tags = 1: use a value such as False"),
        ("[stages.voice]\non = true\n", "translation is off, which it reads from"),
        ("[stages.entities]\non = true\n[stages.transcript]\non = false\n", "transcript or documents is off"),
        ("[stages.scan]\non = false\n", "[stages.ready] is on, but scan is off"),
        ("[stage.labels]\n", "[stage] is unknown"),
        ("stages = 3\n", "[stages.NAME]"),
        ("[stages]\nlabels = true\n", "not labels = ..."),
        ("[budget]\nasset = 0\n", "more than 0"),
        ("[budget]\nday = true\n", "[budget] day = True: use US dollars, more than 0"),
        ("[budget]\nweek = 3\n", "[budget] has asset"),
        ("[budget\n", "pipeline.toml"),
    ],
)
def test_rejects_invalid_file_with_its_location(pipeline_file: Path, text: str, message: str) -> None:
    pipeline_file.write_text(text, "utf-8")
    with pytest.raises(SettingsError) as error:
        pipeline.stages(pipeline.load_config())
    assert message in str(error.value)


def test_missing_file_is_named_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_PIPELINE", "/nowhere/pipeline.toml")
    with pytest.raises(SettingsError, match=r"/nowhere/pipeline\.toml"):
        pipeline.stages(pipeline.load_config())


def test_error_for_a_disabled_stage_tells_how_to_enable_it() -> None:
    with pytest.raises(ValueError, match="faces: off in this pipeline"):
        get_stages(["faces"])


def test_reads_the_budget(pipeline_file: Path) -> None:
    pipeline_file.write_text("[budget]\nasset = 2.5\nday = 40\n", "utf-8")
    assert pipeline.load_config().budget == BudgetLimits(2.5, 40)


def test_probe_reads_tags_only_if_a_filter_uses_them(pipeline_file: Path) -> None:
    pipeline_file.write_text('[stages.labels]\nwhen = { tags = { team = ["news"], "cost.centre" = ["7"] } }\n', "utf-8")
    accepts = record_filter(stage("labels"))
    assert accepts(ready(tags={"team": "news", "cost.centre": "7", "items": "2"}))
    assert not accepts(ready(tags={"team": "news", "cost.centre": "8"}))
    assert not accepts(ready(tags={"team": "news"}))
    assert not accepts(ready())
    assert stage("probe").options == ("tags=True",)
    pipeline_file.write_text('[stages.labels]\nwhen = { kind = ["image"] }\n', "utf-8")
    assert stage("probe").options == ()


@pytest.mark.parametrize(
    "when", ["tags = [{ exists = false }]", '"$or" = [{ tags = { a = ["b"] } }, { kind = ["image"] }]']
)
def test_probe_reads_tags_for_negated_and_nested_filters(pipeline_file: Path, when: str) -> None:
    pipeline_file.write_text(f"[stages.labels]\nwhen = {{ {when} }}\n", "utf-8")
    assert stage("probe").options == ("tags=True",)


def test_tags_can_be_enabled_without_a_filter(pipeline_file: Path) -> None:
    pipeline_file.write_text("[stages.probe]\ntags = true\n", "utf-8")
    assert stage("probe").result_name != "probe@1"


@pytest.mark.parametrize(("tags", "calls"), [(True, 1), (False, 0)])
async def test_probed_event_has_the_tags(tags: bool, calls: int) -> None:
    services = FakeServices(path=MEDIA / "bottles.jpg", tagged={"team": "news"})
    handler = probe_stage(tags=tags).handler
    assert isinstance(handler, Transform)
    event = await handler.run(uploaded(), services.services(ResultsStore(MemoryBucket())))
    assert isinstance(event, MediaProbed)
    assert event.tags == ({"team": "news"} if tags else None)
    assert services.asked("tags") == calls


async def test_ready_event_has_the_tags() -> None:
    results = ResultsStore(MemoryBucket())
    for name, event in (("scan", scanned()), ("probe", probed(tags={"team": "news"}))):
        await results.put(asset(), f"{name}@1", event, envelope(event), "")
    joined = await ready_stage.ready(asset(), await results.load(asset()))
    assert joined is not None
    assert joined.tags == {"team": "news"}


def test_stages_share_the_quota_of_their_service() -> None:
    quotas = job_quotas.quotas(pipeline.stages(), {}, "us-east-1")
    assert (quotas.pools["labels"], quotas.pools["moderation"]) == ("rekognition", "rekognition")
    assert quotas.limits["rekognition"] == CONCURRENT_JOBS["rekognition"]
    documents = [stage for stage in pipeline.all_stages() if stage.name == "documents"]
    by_region = {region: job_quotas.quotas(documents, {}, region).limits for region in ("us-east-1", "eu-west-1")}
    assert by_region == {"us-east-1": {"textract": 600}, "eu-west-1": {"textract": 100}}
    assert job_quotas.overbooked(documents, {"documents": 400}, "us-east-1") == []
    assert job_quotas.overbooked(documents, {"documents": 400}, "eu-west-1") != []
    assert job_quotas.overbooked(pipeline.stages(), {}, "us-east-1") == []


def test_configured_slots_are_taken_from_the_quota_of_the_service() -> None:
    quotas = job_quotas.quotas(pipeline.stages(), {"labels": 15}, "us-east-1")
    assert (quotas.pools["labels"], quotas.pools["moderation"]) == ("labels", "rekognition")
    assert (quotas.limits["labels"], quotas.limits["rekognition"]) == (15, 5)


def test_configured_slots_above_the_quota_leave_one_and_are_reported() -> None:
    assert job_quotas.quotas(pipeline.stages(), {"labels": 30}, "us-east-1").limits == {
        "labels": 30,
        "rekognition": 1,
        "transcribe": CONCURRENT_JOBS["transcribe"],
    }
    [line] = job_quotas.overbooked(pipeline.stages(), {"labels": 30}, "us-east-1")
    assert line.startswith("rekognition runs 20 jobs at a time unless AWS raised it; labels=30 are 30")


@pytest.mark.parametrize("name", [stage.name for stage in pipeline.OPTIONAL_STAGES])
def test_optional_stage_has_every_topic_that_it_needs(name: str) -> None:
    needs = {"voice": ["translation"], "machine-tasks": ["machines"], "redact": ["faces", "redact-transcript"]}
    settings = pipeline_config.read(str(ALL_STAGES)).stages
    own = [name, *needs.get(name, [])]
    enabled = pipeline.stages(PipelineConfig({each: settings.get(each, {"on": True}) for each in own}))
    topic_names = {topic.name for topic in topics.table(each.name for each in enabled)}
    for each in enabled:
        needed = (*each.inputs, *([each.writes] if each.writes else []))
        assert {topic.name for topic in needed} <= topic_names, each.name


def test_reuse_is_off_unless_the_file_switches_it_on(pipeline_file: Path) -> None:
    pipeline_file.write_text("[stages.labels]\nreuse = 'content'\n", "utf-8")
    configured = pipeline.stages(pipeline.load_config())
    assert [stage.name for stage in configured if stage.reuse] == ["labels"]
    assert not any(stage.reuse for stage in pipeline.all_stages())
    [labels] = [stage for stage in configured if stage.name == "labels"]
    assert labels.result_name == "labels@1"
