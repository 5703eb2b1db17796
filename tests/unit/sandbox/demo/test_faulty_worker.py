"""Tests that a faulty worker fails with `internal_error` in the named stage only."""

from __future__ import annotations

import pytest

from headrace.sandbox.demo.faulty_worker import STAGES, broken
from headrace.sandbox.demo.samples import DONE, INTERNAL_ERROR, samples
from headrace.streams import pipeline
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.outcome import Dead
from headrace.streams.engine.runner import Runner
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.results import ResultsStore
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.prices import PRICES
from tests.support.records import CODEC, ready, received, uploaded
from tests.support.stages import get_stages


@pytest.mark.parametrize("name", STAGES)
async def test_every_record_of_a_broken_stage_is_an_internal_error(name: str) -> None:
    [stage] = get_stages([name])
    results = ResultsStore(MemoryBucket())
    context = RunnerContext(CODEC, results, FakeServices().services(results), UnlimitedSlots(), PRICES)
    kind = "audio" if name == "transcript" else "video"
    record = ready(kind=kind, audio_codec="aac") if stage.job else uploaded()
    outcome = await Runner(broken(stage), context).run(received(record))
    assert isinstance(outcome, Dead)
    assert outcome.code == "internal_error"


@pytest.mark.parametrize("name", STAGES)
def test_no_stage_depends_on_a_breakable_one(name: str) -> None:
    [stage] = get_stages([name])
    readers = {each.name for each in pipeline.stages() if stage.writes in each.reads}
    assert {each for each in readers if not each.startswith("rule-")} == {"completed"}


def test_samples_have_the_outcome_of_the_broken_stage() -> None:
    found = {sample.name: sample.endings for sample in samples(broken="labels")}
    assert found["rabbit.mp4"] == {
        **{sample.name: sample.endings for sample in samples()}["rabbit.mp4"],
        "labels": INTERNAL_ERROR,
    }
    assert "labels" not in found["jfk.flac"]
    assert found["bottles.jpg"]["moderation"] == DONE
