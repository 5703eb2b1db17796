"""Tests of stages that send the sampled frames of a video to an image API."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headrace.console.search.detections import vision_passages
from headrace.schemas.records import FacesDetected, MediaLabelled, MediaReady, Pointer
from headrace.streams import pipeline
from headrace.streams.costs.asset_budget import BudgetLimits
from headrace.streams.costs.estimates import estimate
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.outcome import Dead, Done, Outcome, Retry
from headrace.streams.engine.runner import Runner
from headrace.streams.errors import PermanentError, ThrottledError, TransientError
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.media.media_input import MediaInput
from headrace.streams.pipeline_config import PipelineConfig, PipelineConfigError
from headrace.streams.result_paths import version_folder
from headrace.streams.results import ResultsStore
from headrace.streams.service_results import VisionResult
from headrace.streams.stage import Stage
from headrace.streams.stages._frame_answers import BATCH, FrameAnswer, merge
from headrace.streams.stages._frames import INDEX, SampledFrame
from headrace.streams.vision_features import VISION_FEATURES
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.prices import PRICES
from tests.support.records import CODEC, ready, received

FRAMES = 25
SAMPLED = ("labels", "moderation", "faces", "text-in-video", "celebrities")


def video(**changes: Any) -> MediaReady:
    return ready(**{"kind": "video", "format": "mov", "duration_seconds": 60.0, "width": 320, "height": 180, **changes})


def configured(name: str = "labels", **settings: Any) -> Stage:
    [stage] = pipeline.get_stages([name], pipeline.stages(PipelineConfig({name: {"on": True, **settings}})))
    return stage


class FrameVision(FakeServices):
    """Answers each frame with a label of its own, and counts what it answered. `errors` are raised for frames."""

    def __init__(self) -> None:
        super().__init__(path=Path("/nonexistent"))
        self.answered: Counter[str] = Counter()
        self.errors: dict[str, Exception] = {}

    async def detect(self, feature: Any, picture: MediaInput) -> VisionResult:
        frame = picture.key.rpartition("/")[2]
        if error := self.errors.pop(frame, None):
            raise error
        self.answered[frame] += 1
        answer = {"Labels": [{"Name": frame, "Confidence": 90.0, "Parents": []}], "LabelModelVersion": "3.0"}
        paid = PRICES.charge("rekognition", "DetectLabels", 1)
        return VisionResult((), "3.0", json.dumps(answer).encode(), (paid,))


class World:
    """A video whose frames are stored, and the services."""

    def __init__(self) -> None:
        self.bucket = MemoryBucket()
        self.results = ResultsStore(self.bucket)
        self.vision = FrameVision()

    async def store_frames(self, media: MediaReady, number: int = FRAMES) -> None:
        frames = []
        for at in range(number):
            image = await self.results.put_blob(media.asset, frame_name(at), b"jpeg", "image/jpeg")
            frames.append(SampledFrame(float(at), 320, 180, image, (at + 0.5,)))
        await self.results.put_blob(media.asset, INDEX, msgspec.json.encode(frames), "application/json")

    async def run(self, stage: Stage, media: MediaReady, budget: float | None = None) -> Outcome:
        services = self.vision.services(self.results)
        limits = BudgetLimits(asset=budget)
        context = RunnerContext(CODEC, self.results, services, UnlimitedSlots(), PRICES, budget=limits)
        return await Runner(stage, context).run(received(media))

    def stored(self, pointer: Pointer) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.bucket.objects[pointer.key])
        return answer


def frame_name(at: int) -> str:
    return f"frames@1.{at * 1000:09}.jpg"


@pytest.fixture
async def world() -> World:
    made = World()
    await made.store_frames(video())
    return made


def labelled(outcome: Outcome) -> MediaLabelled:
    assert isinstance(outcome, Done)
    event = CODEC.decode(outcome.events[0].value)
    assert isinstance(event, MediaLabelled)
    return event


async def test_frames_merge_into_the_event_of_the_video_api(world: World) -> None:
    event = labelled(await world.run(configured(sample="scenes"), video()))
    assert (event.label_count, len(event.labels), event.model) == (FRAMES, 20, "3.0")
    assert [(charge.operation, charge.units, charge.usd) for charge in event.charges] == [
        ("DetectLabels", FRAMES, round(FRAMES * 0.001, 6))
    ]


async def test_answer_has_the_form_of_the_video_api_with_every_time(world: World) -> None:
    event = labelled(await world.run(configured(sample="scenes"), video()))
    answer = world.stored(event.result)
    assert [each["Timestamp"] for each in answer["Labels"]] == [500 * step for step in range(2 * FRAMES)]
    assert answer["Labels"][3]["Label"]["Name"] == frame_name(1)
    first, *_ = vision_passages(world.bucket.objects[event.result.key], "label")
    assert (first.text, first.start, first.end) == (frame_name(0), 0.0, 0.5)


async def test_stored_result_is_emitted_again_without_a_call(world: World) -> None:
    stage = configured(sample="scenes")
    first = await world.run(stage, video())
    assert await world.run(stage, video()) == Done(first.events, how="stored")  # type: ignore[union-attr]
    assert set(world.vision.answered.values()) == {1}


@pytest.mark.parametrize("error", [ThrottledError("slow down", "throttled"), TransientError("reset", "network")])
async def test_retry_does_not_pay_again_for_answered_frames(world: World, error: Exception) -> None:
    world.vision.errors = {frame_name(BATCH + 3): error}
    assert isinstance(await world.run(configured(sample="scenes"), video()), Retry)
    assert sum(world.vision.answered.values()) == 2 * BATCH - 1
    event = labelled(await world.run(configured(sample="scenes"), video()))
    assert world.vision.answered == dict.fromkeys(map(frame_name, range(FRAMES)), 1)
    assert event.charges[0].units == FRAMES


async def test_redriven_dead_letter_does_not_pay_again(world: World) -> None:
    world.vision.errors = {frame_name(FRAMES - 1): PermanentError("access_denied", "no")}
    assert isinstance(await world.run(configured(sample="scenes"), video()), Dead)
    labelled(await world.run(configured(sample="scenes"), video()))
    assert set(world.vision.answered.values()) == {1}


async def test_new_epoch_pays_again(world: World) -> None:
    stage = configured(sample="scenes")
    await world.run(stage, video())
    await world.run(dataclasses.replace(stage, epoch=1), video())
    assert set(world.vision.answered.values()) == {2}


async def test_budget_counts_the_largest_number_of_frames(world: World) -> None:
    outcome = await world.run(configured(sample="scenes"), video(), budget=0.019)
    assert isinstance(outcome, Dead)
    assert (outcome.code, sum(world.vision.answered.values())) == ("budget", 0)
    assert isinstance(await world.run(configured(sample="scenes"), video(), budget=0.021), Done)


async def test_image_is_sent_itself(world: World) -> None:
    outcome = await world.run(configured(sample="scenes"), ready(width=100, height=100))
    assert isinstance(outcome, Done)
    assert list(world.vision.answered) == ["cat.jpg"]


@pytest.mark.parametrize("name", SAMPLED)
def test_every_vision_stage_can_send_frames(name: str) -> None:
    video_stage, frames_stage = configured(name), configured(name, sample="scenes")
    assert (video_stage.job is None, frames_stage.job is None) == (False, True)
    assert video_stage.result_name == f"{name}@1" != frames_stage.result_name
    assert estimate(video_stage, video(duration_seconds=3600.0), PRICES) == 6.0
    assert estimate(frames_stage, video(duration_seconds=3600.0), PRICES) == 1.2
    assert estimate(frames_stage, ready(), PRICES) == 0.001
    assert estimate(frames_stage, video(duration_seconds=None), PRICES) is None


def test_other_values_and_stages_are_rejected() -> None:
    with pytest.raises(PipelineConfigError, match=r"\[stages\.labels\] sample = 'all': use \"scenes\""):
        configured(sample="all")
    with pytest.raises(PipelineConfigError, match=r"\[stages\.segments\] sample: unknown setting"):
        configured("segments", sample="scenes")


def test_faces_and_text_merge_with_their_times() -> None:
    frame = SampledFrame(4.0, 10, 10, None, (9.0,))  # type: ignore[arg-type]  # merging reads no image
    face = {"Confidence": 99.0, "AgeRange": {"Low": 20, "High": 30}, "BoundingBox": {"Left": 0.1}}
    answer = msgspec.Raw(json.dumps({"FaceDetails": [face]}).encode())
    merged = merge(VISION_FEATURES["faces"], [frame], {4.0: FrameAnswer(4.0, "", answer, ())})
    assert [each.at_seconds for each in merged.detections] == [4.0, 9.0]
    assert json.loads(merged.answer)["Faces"] == [{"Timestamp": at, "Face": face} for at in (4000, 9000)]
    event = FacesDetected(
        asset=ready().asset,
        faces=tuple(merged.detections),
        count=2,
        result=None,  # type: ignore[arg-type]
        charges=(),
    )
    assert event.faces[0].age_low == 20


async def test_kept_answers_belong_to_one_stage(world: World) -> None:
    await world.run(configured(sample="scenes"), video())
    names = {key.removeprefix(version_folder(video().asset)) for key in world.bucket.objects}
    result = configured(sample="scenes").result_name
    assert {f"{result}.frames-{number:03}.json" for number in range(3)} <= names
