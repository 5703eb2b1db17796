"""The stage `custom-labels`: its settings, its event and its times."""

from __future__ import annotations

import random
from typing import Any

import pytest

from headrace.console.search.extract import passages_of_event
from headrace.schemas.records import CustomLabel, CustomLabelsDetected
from headrace.streams import pipeline
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.outcome import Dead, Done, Outcome
from headrace.streams.engine.runner import Runner
from headrace.streams.errors import PermanentError
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.pipeline_config import PipelineConfig, PipelineConfigError
from headrace.streams.results import ResultsStore
from headrace.streams.stages.custom_labels import custom_labels_stage
from headrace.streams.vision_features import MOST_TIMES, VISION_FEATURES
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.prices import PRICES
from tests.support.records import CODEC, NOW, asset, ready, received

PROJECT = "arn:aws:rekognition:us-east-1:111122223333:project/cars/1700000000000"


async def run(services: FakeServices) -> Outcome:
    results = ResultsStore(MemoryBucket())
    context = RunnerContext(
        CODEC, results, services.services(results), UnlimitedSlots(), PRICES, lambda: NOW, random.Random(1)
    )
    return await Runner(custom_labels_stage(PROJECT, "1"), context).run(received(ready(width=640, height=480)))


async def test_event_has_the_labels_of_the_model() -> None:
    services = FakeServices(labels=(CustomLabel(name="Beetle", confidence=97.5, at_seconds=()),))
    outcome = await run(services)
    assert isinstance(outcome, Done)
    event = CODEC.decode(outcome.events[0].value)
    assert isinstance(event, CustomLabelsDetected)
    assert (event.count, event.labels[0].name) == (1, "Beetle")
    assert services.calls == [("with_model", PROJECT, "1"), ("detect", "custom")]


async def test_model_that_is_stopped_is_a_dead_letter_without_a_call() -> None:
    services = FakeServices(failures=[PermanentError("model_not_running", "the model is STOPPED")])
    outcome = await run(services)
    assert isinstance(outcome, Dead)
    assert (outcome.code, outcome.why) == ("model_not_running", "the model is STOPPED")
    assert services.asked("detect") == 0


def test_each_name_has_its_highest_confidence_and_its_first_times() -> None:
    seen = [(at, {"Name": "Beetle", "Confidence": 60.0 + at / 10}) for at in range(60)]
    other = [(3.0, {"Name": "Bus", "Confidence": 99.0})]
    beetle_last = VISION_FEATURES["custom"].records([*seen, *other, *other])
    assert [(each.name, each.confidence, len(each.at_seconds)) for each in beetle_last] == [
        ("Bus", 99.0, 1),
        ("Beetle", 65.9, MOST_TIMES),
    ]
    assert VISION_FEATURES["custom"].records([(None, other[0][1])])[0].at_seconds == ()


async def test_labels_are_searchable_at_their_times() -> None:
    stage = custom_labels_stage(PROJECT, "1")
    outcome = await run(FakeServices(labels=(CustomLabel(name="Beetle", confidence=97.5, at_seconds=(1.0, 4.0)),)))
    assert isinstance(outcome, Done)
    event: Any = CODEC.decode(outcome.events[0].value)
    assert event.asset == asset()
    assert [(each.kind, each.name, each.start) for each in passages_of_event(event)] == [
        ("label", "beetle", 1.0),
        ("label", "beetle", 4.0),
    ]
    assert stage.summary is not None
    assert stage.summary(event) == "Beetle"


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({}, "project is missing"),
        ({"project": PROJECT}, "version is missing"),
        ({"project": "cars", "version": "1"}, "use the ARN of a project"),
        ({"project": PROJECT, "version": "a b"}, "use the name of a version"),
    ],
)
def test_settings_name_a_model(settings: dict[str, str], error: str) -> None:
    with pytest.raises(PipelineConfigError, match=error):
        pipeline.stages(PipelineConfig({"custom-labels": {"on": True, **settings}}))
