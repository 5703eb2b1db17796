"""Tests of the stage that makes files for sharing: what it needs, what it hides, and when there is no proxy."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from headrace.schemas.records import (
    Event,
    FacesDetected,
    MediaCompleted,
    MediaReady,
    MediaRedacted,
    StageFailure,
    TranscriptRedacted,
)
from headrace.streams import pipeline
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.outcome import Dead, Done, Outcome
from headrace.streams.engine.runner import Runner
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.pipeline_config import PipelineConfig, PipelineConfigError
from headrace.streams.results import ResultsStore
from headrace.streams.stage import Stage, record_filter
from headrace.streams.stages.completed import completion_of
from headrace.streams.stages.redact import STAGE, summarize
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.prices import PRICES
from tests.support.records import CODEC, NOW, asset, envelope, probed, ready, received, scanned
from tests.unit.streams.media.test_redacted_speech import answer, word

MEDIA = Path(__file__).parents[4] / "sandbox" / "media"
FACE = {"BoundingBox": {"Left": 0.3, "Top": 0.3, "Width": 0.2, "Height": 0.4}}
METADATA = {"DurationMillis": 7800, "FrameWidth": 320, "FrameHeight": 240}
SAID = answer("I am [PII]", word("I", 1, 1.2), word("am", 1.2, 1.4), word("[PII]", 2, 3))
ON: dict[str, dict[str, Any]] = {
    "faces": {"on": True},
    "redact-transcript": {"on": True, "language": "en-US"},
    "redact": {"on": True},
}
STAGES = tuple(
    stage
    for stage in pipeline.stages(PipelineConfig(ON))
    if stage.name in ("scan", "probe", "ready", "faces", "redact-transcript", "redact")
)


def film(**changes: Any) -> MediaReady:
    given = {
        "kind": "video",
        "format": "mov",
        "duration_seconds": 7.8,
        "width": 320,
        "height": 240,
        "audio_codec": "aac",
    }
    return ready(**{**given, **changes})


class World:
    """The stored results of one object, and the stage."""

    def __init__(self, media: MediaReady, path: str = "rabbit.mp4") -> None:
        self.bucket = MemoryBucket()
        self.results = ResultsStore(self.bucket)
        self.media = media
        self.services = FakeServices(path=MEDIA / path)
        services = self.services.services(self.results)
        self.context = RunnerContext(
            CODEC, self.results, services, UnlimitedSlots(), PRICES, lambda: NOW, random.Random(1)
        )

    async def prepare(self) -> None:
        """Store the results of the stages before."""
        kind, codec = self.media.kind, self.media.audio_codec
        await self.store("scan", scanned())
        await self.store("probe", probed(kind=kind, audio_codec=codec))
        await self.store("ready", self.media)

    async def store(self, stage: str, event: Event) -> None:
        await self.results.put(asset(), f"{stage}@1", event, envelope(event), "cause")

    async def faces(self, count: int = 1, **changes: Any) -> FacesDetected:
        """Store the result of `faces` for a video."""
        faces = [{"Timestamp": 1000, "Face": FACE}]
        content = json.dumps({"Faces": faces, "VideoMetadata": METADATA, **changes}).encode()
        return await self._faces(content, count)

    async def faces_of_picture(self, count: int = 1) -> FacesDetected:
        return await self._faces(json.dumps({"FaceDetails": [FACE]}).encode(), count)

    async def _faces(self, content: bytes, count: int) -> FacesDetected:
        result = await self.results.put_blob(asset(), "faces@1.answer.json", content, "application/json")
        event = FacesDetected(asset=asset(), faces=(), count=count, result=result, charges=())
        await self.store("faces", event)
        return event

    async def transcript(self, content: bytes = SAID) -> TranscriptRedacted:
        """Store the result of `redact-transcript`."""
        result = await self.results.put_blob(asset(), "redact-transcript@1.answer.json", content, "application/json")
        event = TranscriptRedacted(
            asset=asset(), language="en-US", excerpt="", words=3, redactions=1, result=result, charges=()
        )
        await self.store("redact-transcript", event)
        return event

    async def run(self, event: Event, stage: Stage = STAGE) -> Outcome:
        return await Runner(stage, self.context).run(received(event))

    async def redacted(self, event: Event) -> MediaRedacted:
        outcome = await self.run(event)
        assert isinstance(outcome, Done), outcome
        found = CODEC.decode(outcome.events[0].value)
        assert isinstance(found, MediaRedacted)
        return found

    async def completion(self) -> MediaCompleted | None:
        """Return the summary of all stages; None while one is expected."""
        outcome = await self.run(self.media, completion_of(STAGES))
        assert isinstance(outcome, Done)
        found = CODEC.decode(outcome.events[0].value) if outcome.events else None
        assert found is None or isinstance(found, MediaCompleted)
        return found

    @property
    def proxies(self) -> list[str]:
        return [key for key in self.bucket.objects if ".proxy." in key]


async def world(media: MediaReady, path: str = "rabbit.mp4") -> World:
    made = World(media, path)
    await made.prepare()
    return made


async def test_video_is_redacted_once_faces_and_transcript_are_there() -> None:
    of = await world(film())
    faces = await of.faces()
    assert await of.run(faces) == Done(how="skipped", why="the set is not complete")
    event = await of.redacted(await of.transcript())
    assert (event.faces, event.regions, event.silences, event.silent_seconds) == (1, 1, 1, 1.6)
    assert summarize(event) == "1 face in 1 region, 1.6 s silent"
    assert event.transcript is not None
    assert of.bucket.objects[event.transcript.key] == SAID
    assert event.result.key.endswith(".proxy.mp4")
    assert of.bucket.objects[event.result.key][4:8] == b"ftyp"


async def test_same_results_are_rendered_once() -> None:
    of = await world(film(audio_codec=None))
    faces = await of.faces()
    first = await of.redacted(faces)
    assert await of.redacted(faces) == first
    assert of.services.asked("fetched") == 1


@pytest.mark.parametrize(
    ("media", "path", "suffix"),
    [
        (ready(width=640, height=360, format="image2"), "bottles.jpg", "jpg"),
        (film(audio_codec=None), "rabbit.mp4", "mp4"),
        (ready(kind="audio", format="flac", duration_seconds=11.0, audio_codec="flac"), "jfk.flac", "m4a"),
    ],
)
async def test_file_needs_only_what_its_kind_has(media: MediaReady, path: str, suffix: str) -> None:
    of = await world(media, path)
    record: Event
    if media.kind == "audio":
        record = await of.transcript()
    else:
        record = await (of.faces_of_picture() if media.kind == "image" else of.faces())
    assert await of.completion() is None, "the stage is expected until its result is stored"
    event = await of.redacted(record)
    assert event.result.key.endswith(f".proxy.{suffix}")
    completed = await of.completion()
    assert completed is not None
    assert "redact" in completed.succeeded


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"count": 2}, "has 1 faces, and its event 2"),
        ({"VideoMetadata": None}, "only sampled frames"),
        ({"VideoMetadata": {**METADATA, "DurationMillis": 1000}}, "were analysed"),
        ({"Faces": None}, "Faces"),
    ],
)
async def test_incomplete_faces_are_a_dead_letter_without_a_proxy(changes: dict[str, Any], reason: str) -> None:
    of = await world(film(audio_codec=None))
    outcome = await of.run(await of.faces(**changes))
    assert isinstance(outcome, Dead)
    assert outcome.code == "incomplete_faces"
    assert reason in outcome.why
    assert of.proxies == []


async def test_changed_answer_is_a_dead_letter_without_a_proxy() -> None:
    of = await world(film(audio_codec=None))
    faces = await of.faces()
    of.bucket.objects[faces.result.key] = json.dumps({"Faces": [], "VideoMetadata": METADATA}).encode()
    outcome = await of.run(faces)
    assert isinstance(outcome, Dead)
    assert outcome.code == "incomplete_faces"
    assert of.proxies == []


async def test_removal_without_a_time_is_a_dead_letter_without_a_proxy() -> None:
    of = await world(film())
    await of.faces()
    outcome = await of.run(await of.transcript(answer("I am [PII]")))
    assert isinstance(outcome, Dead)
    assert outcome.code == "incomplete_transcript"
    assert of.proxies == []


async def test_without_faces_there_is_no_proxy_and_nothing_waits_for_it() -> None:
    of = await world(film())
    await of.results.put_failure(asset(), "faces@1", StageFailure(stage="faces", code="unsupported_input", reason="no"))
    assert await of.run(await of.transcript()) == Done(how="skipped", why="the set is not complete")
    assert of.proxies == []
    completed = await of.completion()
    assert completed is not None
    assert "redact" not in completed.succeeded
    assert [failure.stage for failure in completed.failed] == ["faces"]


async def test_document_is_not_redacted() -> None:
    document = ready(kind="other", format="pdf", content_type="application/pdf")
    assert not record_filter(STAGE)(document)
    of = await world(document)
    completed = await of.completion()
    assert completed is not None
    assert "redact" not in completed.succeeded


def test_stage_needs_the_stages_that_it_reads() -> None:
    with pytest.raises(PipelineConfigError, match="is on, but faces and redact-transcript are off"):
        pipeline.stages(PipelineConfig({"redact": {"on": True}}))
