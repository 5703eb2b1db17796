"""Tests of what stages send to services: the object, the rendition of an image, or the proxy of a video."""

from __future__ import annotations

import io
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.records import MediaLabelled, MediaReady, MediaTranscoded, Rendition
from headrace.streams import pipeline
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.outcome import Dead, Done, Outcome
from headrace.streams.engine.runner import Runner
from headrace.streams.limits.input_check import check_media
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.media.media_input import MediaInput
from headrace.streams.pipeline_config import PipelineConfig
from headrace.streams.result_paths import version_folder
from headrace.streams.results import ResultsStore
from headrace.streams.service_results import DocumentText, TranscodeResult, VisionResult
from headrace.streams.stage import Stage
from headrace.streams.stages._inputs import RENDITION, services_that_need_a_proxy
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.prices import PRICES
from tests.support.records import CODEC, NOW, job_finished, ready, received

FILES = tuple(
    Rendition(role=role, bucket="results", key=f"_transcoded/{role}", width=size, height=size, duration_seconds=9.0)
    for role, size in (("proxy", 360), ("audio", None), ("frames", 360))
)


class CheckedServices(FakeServices):
    """Services that check their input as the adapters do, and keep what they accepted."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, MediaInput]] = []

    def take(self, service: str, operation: str, media: MediaInput) -> None:
        check_media(service, operation, media)
        self.sent.append((service, media))

    async def detect(self, feature: Any, picture: MediaInput) -> VisionResult:
        self.take("rekognition", "DetectLabels", picture)
        return await super().detect(feature, picture)

    async def start(self, feature: Any, video: MediaInput, token: str) -> str:
        self.take("rekognition", "StartLabelDetection", video)
        return await super().start(feature, video, token)


class Speech:
    def __init__(self, services: CheckedServices) -> None:
        self.services = services

    async def start(self, media: MediaInput, token: str, speakers: int, vocabulary: str) -> str:
        self.services.take("transcribe", "StartTranscriptionJob", media)
        return f"job-of-{token}"


class Documents:
    def __init__(self, services: CheckedServices) -> None:
        self.services = services

    async def detect(self, page: MediaInput, features: Any) -> DocumentText:
        self.services.take("textract", "DetectDocumentText", page)
        return DocumentText(1, "text", b"{}", ())


class Transcoder:
    async def start(self, media: MediaReady, token: str, height: int, hls: bool) -> str:
        return f"job-of-{token}"

    async def get_result(self, job_id: str, seconds: float) -> TranscodeResult:
        return TranscodeResult(FILES, ())


class World:
    """A pipeline without a broker; `stages` are those of a pipeline file."""

    def __init__(self, *stages: str) -> None:
        self.bucket = MemoryBucket()
        self.services = CheckedServices()
        self.results = ResultsStore(self.bucket)
        services = replace(
            self.services.services(self.results),
            speech=Speech(self.services),  # type: ignore[arg-type]  # only its start is called
            documents=Documents(self.services),  # type: ignore[arg-type]
            transcoder=Transcoder(),
        )
        self.context = RunnerContext(
            CODEC, self.results, services, UnlimitedSlots(), PRICES, lambda: NOW, random.Random(1)
        )
        settings: Mapping[str, Any] = {name: {"on": True} for name in stages}
        self.stages: dict[str, Stage] = {stage.name: stage for stage in pipeline.stages(PipelineConfig(settings))}

    async def run(self, stage: str, record: ConsumerRecord) -> Outcome:
        return await Runner(self.stages[stage], self.context).run(record)

    async def transcode(self, media: MediaReady) -> MediaTranscoded:
        """Run the stage `transcode` to its end."""
        [started] = (await self._done("transcode", received(media))).events
        token = CODEC.decode(started.value).token  # type: ignore[union-attr]
        completion = job_finished(token, service="mediaconvert", operation="CreateJob")
        [sent] = (await self._done("transcode", received(completion))).events
        event = CODEC.decode(sent.value)
        assert isinstance(event, MediaTranscoded)
        return event

    async def _done(self, stage: str, record: ConsumerRecord) -> Done:
        outcome = await self.run(stage, record)
        assert isinstance(outcome, Done), outcome
        return outcome


@pytest.fixture
def webp(tmp_path: Path) -> Path:
    path = tmp_path / "picture"
    Image.new("RGB", (300, 200), "red").save(path, "WEBP")
    return path


def image(content_type: str = "image/webp", width: int = 300, height: int = 200) -> MediaReady:
    return ready(content_type=content_type, width=width, height=height)


def video(**facts: Any) -> MediaReady:
    mp4 = {"content_type": "video/mp4", "video_codec": "h264", "audio_codec": "aac", "width": 320, "height": 240}
    return ready(kind="video", **{"duration_seconds": 9.0, **mp4, **facts})


MKV = video(content_type="video/x-matroska")


async def test_accepted_image_is_sent_itself() -> None:
    world = World()
    await world.run("labels", received(image("image/jpeg")))
    [(_, sent)] = world.services.sent
    assert (sent.bucket, sent.key) == ("media", "photos/cat.jpg")
    assert world.services.asked("fetched") == 0


async def test_stages_send_one_rendition_of_an_image(webp: Path) -> None:
    world = World("documents", "faces")
    world.services.path, world.services.labels = webp, ()
    for stage in ("labels", "moderation", "documents", "faces"):
        outcome = await world.run(stage, received(image()))
        assert isinstance(outcome, Done)
    key = version_folder(image().asset) + RENDITION
    assert {(sent.bucket, sent.key, sent.content_type) for _, sent in world.services.sent} == {
        ("results", key, "image/jpeg")
    }
    assert world.services.asked("fetched") == 1
    with Image.open(io.BytesIO(world.bucket.objects[key])) as picture:
        assert (picture.format, picture.size) == ("JPEG", (300, 200))


@pytest.mark.parametrize(
    "media",
    [
        image("image/png", 16, 16),
        image("image/webp", 79, 500),
        image("image/png", 20_000, 300),
        video(width=16, height=16),
        video(duration_seconds=22_000.0),
        video(content_type="video/x-msvideo", video_codec="mpeg4"),
        MKV,
    ],
    ids=lambda media: f"{media.content_type} {media.width}x{media.height}",
)
async def test_other_input_is_a_dead_letter_without_a_call(media: MediaReady) -> None:
    world = World()
    for stage in ("labels", "moderation"):
        outcome = await world.run(stage, received(media))
        assert isinstance(outcome, Dead)
        assert outcome.code == "unsupported_input"
    assert world.services.calls == []


async def test_unsupported_audio_is_a_dead_letter_without_a_call() -> None:
    world = World("transcode")
    audio = ready(kind="audio", content_type="audio/aac", audio_codec="aac", duration_seconds=9.0)
    outcome = await world.run("transcript", received(audio))
    assert isinstance(outcome, Dead)
    assert outcome.code == "unsupported_input"
    assert world.services.calls == []


async def test_unsupported_video_goes_through_the_proxy() -> None:
    world = World("transcode")
    for stage in ("labels", "moderation", "transcript"):
        waiting = await world.run(stage, received(MKV))
        assert isinstance(waiting, Done)
        assert waiting.how == "skipped"
    transcoded = await world.transcode(MKV)
    assert transcoded.proxy_for == ("rekognition", "transcribe")
    for stage in ("labels", "moderation", "transcript"):
        assert isinstance(await world.run(stage, received(transcoded)), Done)
    sent = [(service, media.bucket, media.key) for service, media in world.services.sent]
    assert sent == [
        ("rekognition", "results", "_transcoded/proxy"),
        ("rekognition", "results", "_transcoded/proxy"),
        ("transcribe", "results", "_transcoded/audio"),
    ]


async def test_job_on_a_proxy_is_charged_by_the_duration_of_the_original() -> None:
    world = World("transcode")
    transcoded = await world.transcode(video(content_type="video/mp2t", duration_seconds=120.0))
    started = await world.run("labels", received(transcoded))
    assert isinstance(started, Done)
    job = CODEC.decode(started.events[0].value)
    assert job.usd == pytest.approx(0.2)  # type: ignore[union-attr]
    completion = job_finished(job.token)  # type: ignore[union-attr]
    finished = await world.run("labels", received(completion))
    assert isinstance(finished, Done)
    event = CODEC.decode(finished.events[0].value)
    assert isinstance(event, MediaLabelled)
    assert event.charges[0].usd == pytest.approx(0.2)


async def test_supported_video_is_read_once_and_not_from_the_proxy() -> None:
    world = World("transcode")
    assert isinstance(await world.run("labels", received(video())), Done)
    transcoded = await world.transcode(video())
    assert transcoded.proxy_for == ()
    outcome = await world.run("labels", received(transcoded))
    assert isinstance(outcome, Done)
    assert outcome.how == "skipped"
    assert [(service, media.bucket) for service, media in world.services.sent] == [("rekognition", "media")]


@pytest.mark.parametrize(
    ("media", "services"),
    [
        (video(), ()),
        (video(content_type="video/quicktime"), ("transcribe",)),
        (video(video_codec="hevc"), ("rekognition",)),
        (MKV, ("rekognition", "transcribe")),
        (video(content_type="video/x-matroska", audio_codec=None), ("rekognition",)),
        (video(content_type="video/webm", video_codec="vp9", audio_codec="opus"), ("rekognition",)),
        (video(content_type="video/webm", video_codec="vp9", audio_codec="vorbis"), ("rekognition", "transcribe")),
    ],
)
async def test_each_video_goes_either_directly_or_through_the_proxy(
    media: MediaReady, services: tuple[str, ...]
) -> None:
    assert services_that_need_a_proxy(media) == services
    world = World("transcode")
    for stage, service in (("labels", "rekognition"), ("transcript", "transcribe")):
        outcome = await world.run(stage, received(media))
        is_direct = isinstance(outcome, Done) and outcome.how != "skipped"
        assert is_direct == (service not in services and (stage == "labels" or media.audio_codec is not None))
