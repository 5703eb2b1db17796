"""Forecast each case, run it over the same store, and compare."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from headrace.console.replay.forecast.effects import Forecaster, RecordForecast
from headrace.schemas.cloudevents import EventMetadata, from_headers
from headrace.schemas.ids import job_token
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.serde.codec import DecodeError
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.outcome import Dead, Done, Outcome
from headrace.streams.engine.runner import Runner
from headrace.streams.handlers import Transform
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.results import ResultsStore
from headrace.streams.reuse.lookup import ReuseLookup
from headrace.streams.stage import Stage
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.prices import PRICES
from tests.support.records import CODEC, NOW, asset, job_finished, probed, raw, ready, received, scanned, uploaded
from tests.support.stages import get_stages
from tests.unit.streams.reuse.world import World as ReuseWorld
from tests.unit.streams.reuse.world import image, reusing

NEWER = asset(version="e2", etag="e2", sequencer="0B")
VIDEO: dict[str, Any] = {"kind": "video", "duration_seconds": 90.0}


class World:
    """A results store and services, shared by a stage and a forecaster."""

    def __init__(self) -> None:
        self.outside = FakeServices()
        self.results = ResultsStore(MemoryBucket())

    async def run(self, stage: str, record: ConsumerRecord) -> Outcome:
        services = self.outside.services(self.results)
        context = RunnerContext(CODEC, self.results, services, UnlimitedSlots(), PRICES, lambda: NOW, random.Random(1))
        return await Runner(get_stages([stage])[0], context).run(record)

    async def forecast(self, stage: str | Stage, record: ConsumerRecord) -> RecordForecast:
        try:
            event = CODEC.decode(record.value)
        except DecodeError:
            event = None
        chosen = get_stages([stage])[0] if isinstance(stage, str) else stage
        return await Forecaster(chosen, self.results, PRICES).effect(event)


@pytest.fixture
def world() -> World:
    return World()


async def nothing(world: World) -> None:
    """Leave the store empty."""


async def an_image_was_labelled(world: World) -> None:
    await world.run("labels", received(ready()))


async def a_video_was_started(world: World) -> None:
    await world.run("labels", received(ready(**VIDEO)))


async def a_video_was_labelled(world: World) -> None:
    await a_video_was_started(world)
    await world.run("labels", received(job_finished(TOKEN)))


async def a_newer_version_came(world: World) -> None:
    await world.run("labels", received(ready(NEWER)))


TOKEN = job_token("labels", asset(), get_stages(["labels"])[0].result_name)
FAILED = job_finished(TOKEN, status="failed", message="codec not supported")
STRANGER = job_token("labels", NEWER, "labels@1")

CASES: list[tuple[str, Callable[[World], Awaitable[None]], str, ConsumerRecord, str]] = [
    ("an image", nothing, "labels", received(ready()), "paid"),
    ("a video", nothing, "labels", received(ready(**VIDEO)), "paid"),
    ("a stage without calls", nothing, "scan", received(uploaded()), "worked"),
    ("an image once more", an_image_was_labelled, "labels", received(ready()), "stored"),
    ("a job once more", a_video_was_started, "labels", received(ready(**VIDEO)), "stored"),
    ("a completion", a_video_was_started, "labels", received(job_finished(TOKEN)), "worked"),
    ("a completion once more", a_video_was_labelled, "labels", received(job_finished(TOKEN)), "stored"),
    ("a job that failed", a_video_was_started, "labels", received(FAILED), "given-up"),
    ("a job without a reason", a_video_was_started, "labels", received(replace(FAILED, message="FAILED")), "worked"),
    ("an unknown job", nothing, "labels", received(job_finished(STRANGER)), "given-up"),
    ("another stage's job", nothing, "moderation", received(job_finished(TOKEN)), "unwanted"),
    ("an old version", a_newer_version_came, "labels", received(ready()), "superseded"),
    ("sound for labels", nothing, "labels", received(ready(kind="audio")), "unwanted"),
    ("a fan-in", nothing, "ready", received(scanned()), "joined"),
    ("unparseable bytes", nothing, "scan", raw(b"junk"), "given-up"),
]


@pytest.mark.parametrize(("before", "stage", "record", "kind"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
async def test_runner_matches_the_forecast(
    world: World, before: Callable[[World], Awaitable[None]], stage: str, record: ConsumerRecord, kind: str
) -> None:
    await before(world)
    world.outside.calls.clear()
    predicted = await world.forecast(stage, record)
    assert (predicted.kind, world.outside.calls) == (kind, [])
    outcome = await world.run(stage, record)
    calls = {call[0] for call in world.outside.calls}
    assert calls == {"paid": calls & {"detect", "start"}, "worked": calls - {"detect", "start"}}.get(kind, set())
    assert bool(calls) == (kind in ("paid", "worked"))
    assert isinstance(outcome, Dead) == (kind == "given-up")
    if isinstance(outcome, Done):
        assert (outcome.how == "stored", outcome.how == "superseded") == (kind == "stored", kind == "superseded")
        assert (outcome.how == "skipped") == (kind in ("unwanted", "joined"))


async def test_forecasts_prices_of_images_video_and_audio(world: World) -> None:
    assert await world.forecast("labels", received(ready())) == RecordForecast("paid", 0.001)
    assert await world.forecast("labels", received(ready(**VIDEO))) == RecordForecast("paid", 0.15)
    speech = ready(kind="audio", audio_codec="flac", duration_seconds=60.0)
    assert await world.forecast("transcript", received(speech)) == RecordForecast("paid", 0.024)


async def test_calls_without_a_known_price_are_counted(world: World) -> None:
    assert await world.forecast("labels", received(ready(kind="video"))) == RecordForecast("paid", None)

    async def run(*_: object) -> None:
        """Do nothing."""

    expensive = Stage("expensive", reads=(), handler=Transform(run), paid_operations=("bedrock.invoke_model",))
    assert await world.forecast(expensive, received(ready())) == RecordForecast("paid", None)


async def test_results_of_an_older_stage_version_are_ignored(world: World) -> None:
    await an_image_was_labelled(world)
    handler = get_stages(["labels"])[0].handler
    newer = Stage("labels", (), handler, version=2, paid_operations=("rekognition.detect_labels",))
    older = Stage("labels", (), handler, version=1, paid_operations=("rekognition.detect_labels",))
    assert (await world.forecast(newer, received(ready()))).kind == "paid"
    await world.results.put(asset(), newer.result_name, None, received_envelope(), "cause")
    assert (await world.forecast(newer, received(ready()))).kind == "stored"
    assert (await world.forecast(older, received(ready()))).kind == "stored"


def received_envelope() -> EventMetadata:
    return from_headers(received(probed()).headers)


async def test_record_with_the_content_of_a_stored_result_is_free() -> None:
    world, stage = ReuseWorld(), reusing("labels")
    before = list(world.bucket.objects)
    forecaster = Forecaster(stage, world.results, PRICES, ReuseLookup(stage, world.bucket, ()))
    forecasts = [await forecaster.effect(image(key)) for key in ("a.jpg", "b.jpg", "c.jpg")]
    assert [each.kind for each in forecasts] == ["paid", "reused", "reused"], "the first one runs the stage"
    assert list(world.bucket.objects) == before, "a forecast writes nothing"

    await world.done(stage, received(image("a.jpg")))
    planned = Forecaster(stage, world.results, PRICES, ReuseLookup(stage, world.bucket, ()))
    assert await planned.effect(image("b.jpg")) == RecordForecast("reused")
    assert (await planned.effect(image("a.jpg"))).kind == "stored"
    assert (await planned.effect(image("d.jpg", sha256="2" * 64))).kind == "paid"
    world.services.calls.clear()
    await world.done(stage, received(image("b.jpg")))
    assert world.services.calls == []


async def test_other_settings_and_the_next_epoch_reuse_nothing() -> None:
    world, stage = ReuseWorld(), reusing("labels")
    await world.done(stage, received(image("a.jpg")))
    for changed, settings in ((stage, ("min_confidence=90.0",)), (dataclasses.replace(stage, epoch=1), ())):
        lookup = ReuseLookup(changed, world.bucket, settings)
        assert (await Forecaster(changed, world.results, PRICES, lookup).effect(image("b.jpg"))).kind == "paid"
