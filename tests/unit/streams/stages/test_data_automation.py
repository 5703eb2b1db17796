"""The stage `data-automation`: its settings, its job, its event and its search texts."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from headrace.console.search.extract import passages_of_event, passages_of_result, stored_result
from headrace.schemas.jobs import DATA_AUTOMATION
from headrace.schemas.records import InsightsExtracted
from headrace.streams import pipeline
from headrace.streams.costs.estimates import estimate
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.outcome import Done
from headrace.streams.engine.runner import Runner
from headrace.streams.handlers import FinishedJob
from headrace.streams.insights import (
    ExtractedInsights,
    FilePart,
    FoundText,
    InsightProject,
    Insights,
    UnsafeContent,
)
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.media.media_input import MediaInput
from headrace.streams.pipeline_config import PipelineConfig, PipelineConfigError
from headrace.streams.results import ResultsStore
from headrace.streams.stage import record_filter
from headrace.streams.stages.data_automation import STAGE, data_automation_stage
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.prices import PRICES
from tests.support.records import CODEC, NOW, job_finished, ready, received

PROFILE = "arn:aws:bedrock:us-east-1:111122223333:data-automation-profile/us.data-automation-v1"
PROJECT = "arn:aws:bedrock:us-east-1:111122223333:data-automation-project/a1b2c3d4e5f6"
FOUND = Insights(
    modality="video",
    summary="A long talk. " * 300,
    parts=tuple(FilePart(number, f"Chapter {number}. " * 90, number, number + 1) for number in range(1, 61)),
    speech=(FoundText("ask not what", 1.0, 2.5),),
    visible=(FoundText("EXIT", 4.0),),
    unsafe=(UnsafeContent("Alcohol", 90.0, "Drinks", 3.5),),
)
STAGED = data_automation_stage(PROFILE, PROJECT)


class FakeExtractor:
    """Records the started jobs; every job has the same result."""

    def __init__(self) -> None:
        self.started: list[tuple[MediaInput, str, InsightProject]] = []

    async def start(self, media: MediaInput, token: str, project: InsightProject) -> str:
        self.started.append((media, token, project))
        return "arn"

    async def get_result(self, job_id: str, seconds: float) -> ExtractedInsights:
        charge = PRICES.charge(DATA_AUTOMATION, "InvokeDataAutomationAsync video", seconds / 60)
        return ExtractedInsights(FOUND, b"[{}]", (charge,))


async def finished(bucket: MemoryBucket) -> InsightsExtracted:
    """Return the event of a finished job for a video of 90 s."""
    job = FinishedJob(job_finished("data-automation-1"), ready(kind="video", duration_seconds=90.0))
    services = FakeServices(more=FakeExtractor()).services(ResultsStore(bucket))
    assert STAGED.job is not None
    event = await STAGED.job.finish(job, services)
    assert isinstance(event, InsightsExtracted)
    return event


async def test_job_has_the_project_and_the_profile_of_the_settings() -> None:
    extractor = FakeExtractor()
    results = ResultsStore(MemoryBucket())
    services = FakeServices(more=extractor).services(results)
    context = RunnerContext(CODEC, results, services, UnlimitedSlots(), PRICES, lambda: NOW, random.Random(1))
    outcome = await Runner(STAGED, context).run(received(ready(width=640, height=480)))
    assert isinstance(outcome, Done)
    ((media, token, project),) = extractor.started
    assert (media.content_type, project) == ("image/jpeg", InsightProject(PROJECT, PROFILE))
    assert token.startswith("data-automation-")


async def test_event_is_bounded_and_names_the_complete_result() -> None:
    bucket = MemoryBucket()
    event = await finished(bucket)
    assert (len(event.summary), len(event.parts), event.part_count) == (2_000, 50, 60)
    assert max(len(part.text) for part in event.parts) == 300
    assert (event.words, event.excerpt, event.unsafe[0].parent) == (3, "ask not what", "Drinks")
    assert event.charges[0].usd == 0.075
    assert len(CODEC.encode(event)) < 2**18
    assert bucket.objects[event.answer.key] == b"[{}]"
    assert event.result.key.endswith(".insights.json")


async def test_every_text_is_searchable_at_its_time() -> None:
    bucket = MemoryBucket()
    event = await finished(bucket)
    assert stored_result(event) == event.result
    stored = passages_of_result(event, bucket.objects[event.result.key])
    moments = {(each.kind, each.text, each.start, each.end) for each in stored}
    assert {
        ("transcript", "ask not what", 1.0, 2.5),
        ("text-in-video", "EXIT", 4.0, None),
        ("moderation", "Alcohol", 3.5, 3.5),
    } <= moments
    assert {each.start for each in stored if each.kind == "chapter"} == {float(number) for number in range(1, 61)}
    assert {each.kind for each in passages_of_event(event)} == {"summary", "chapter", "moderation"}


async def test_list_of_results_shows_unsafe_content_and_the_beginning_of_the_summary() -> None:
    event = await finished(MemoryBucket())
    assert STAGED.summary is not None
    shown = STAGED.summary(event)
    assert shown.startswith("unsafe: Alcohol; A long talk. A long talk.")
    assert shown.endswith(" …")
    assert len(shown) <= 100
    assert STAGED.summary(msgspec.structs.replace(event, summary="", unsafe=())) == "60 chapters, 3 words"


def test_pages_are_found_by_their_number() -> None:
    document = Insights("document", "", (FilePart(1, "one"), FilePart(2, "two")))
    assert STAGE.search_stored is not None
    texts = list(STAGE.search_stored(b'{"modality":"document","parts":[{"number":2,"text":"two"}]}'))
    assert [(each.kind, each.text, each.page) for each in texts if each.text] == [("page", "two", 2)]
    assert document.text == "one\n\ntwo"


@pytest.mark.parametrize(
    ("facts", "usd"),
    [
        ({"kind": "video", "duration_seconds": 60.0}, 0.05),
        ({"kind": "audio", "duration_seconds": 60.0}, 0.006),
        ({"kind": "image"}, 0.003),
        ({"kind": "other", "content_type": "application/pdf"}, None),
    ],
)
def test_estimate_is_by_the_kind_of_the_file(facts: dict[str, Any], usd: float | None) -> None:
    assert estimate(STAGED, ready(**facts), PRICES) == usd


@pytest.mark.parametrize(
    ("facts", "processed"),
    [
        ({"kind": "video", "content_type": "video/mp2t"}, True),
        ({"kind": "audio"}, True),
        ({"kind": "image"}, True),
        ({"kind": "other", "content_type": "application/pdf"}, True),
        ({"kind": "other", "content_type": "text/plain"}, False),
    ],
)
def test_stage_reads_media_and_documents(facts: dict[str, Any], processed: bool) -> None:
    assert record_filter(STAGED)(ready(**facts)) == processed


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({}, "profile is missing"),
        ({"profile": "us.data-automation-v1"}, "use the ARN of a profile"),
        ({"profile": PROJECT}, "use the ARN of a profile"),
        ({"profile": f"{PROFILE}{'x' * 80}"}, "use the ARN of a profile"),
        ({"profile": PROFILE, "project": "mine"}, "use the ARN of a project"),
        ({"profile": PROFILE, "project": f"{PROJECT}\n"}, "use the ARN of a project"),
    ],
)
def test_settings_are_arns(settings: dict[str, str], error: str) -> None:
    with pytest.raises(PipelineConfigError, match=error):
        pipeline.stages(PipelineConfig({"data-automation": {"on": True, **settings}}))
