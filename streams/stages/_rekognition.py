"""Build the stages of vision features: an image is one synchronous call, a video is a job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from headrace.schemas.records import Asset, Event, MediaReady, Pointer
from headrace.schemas.topics import READY, Topic
from headrace.streams.costs.prices import operation_of
from headrace.streams.handlers import AsyncJob, EventPattern, FinishedJob, Transform
from headrace.streams.limits.input_check import accepted_encoding
from headrace.streams.limits.service_inputs import media_rule
from headrace.streams.service_results import VisionResult
from headrace.streams.services import Services
from headrace.streams.stage import Stage
from headrace.streams.stages._frame_answers import detect_in_frames
from headrace.streams.stages._inputs import Proxied, from_proxy, media_for, picture_for
from headrace.streams.vision_features import VISION_FEATURES, Feature, FeatureSpec

DescribeVision = Callable[[Asset, VisionResult, Pointer], Event]

VERSION = 1
SCENES = "scenes"
"""The value of the setting `sample` with which frames of videos are sent instead of the video."""
SAMPLING_SECONDS = 3_600.0
"""The deadline of a stage that sends frames: those of a long video take a while."""


def vision_stage(name: str, feature: Feature, writes: Topic, describe: DescribeVision) -> Stage:
    """Build the stage of a feature. `describe` builds its event from the result.

    A feature of images and videos has the setting `sample`: with `scenes`, sampled frames of a video are sent to the
    image API.
    """
    operations = VISION_FEATURES[feature]
    image_operation = operation_of(operations.image)

    async def detect(media: MediaReady, services: Services) -> Event:
        picture = await picture_for("rekognition", image_operation, media, services)
        return await store(media.asset, await services.vision.detect(feature, picture), services)

    async def detect_sampled(media: MediaReady, services: Services) -> Event:
        if media.kind != "video":
            return await detect(media, services)
        return await store(media.asset, await detect_in_frames(feature, media, services), services)

    async def start(record: Proxied, token: str, services: Services) -> str:
        return await services.vision.start(feature, media_for("rekognition", record), token)

    async def finish(finished: FinishedJob, services: Services) -> Event:
        seconds = finished.record.duration_seconds or 0.0
        detected = await services.vision.get_result(feature, finished.job.job_id, seconds)
        return await store(finished.asset, detected, services)

    async def store(asset: Asset, detected: VisionResult, services: Services) -> Event:
        file = f"{services.result_name}.answer.json"
        return describe(
            asset, detected, await services.blobs.put_blob(asset, file, detected.answer, "application/json")
        )

    handler: Transform | AsyncJob = Transform(detect)
    if operations.job is not None:
        handler = AsyncJob(
            "rekognition",
            operations.job.operation,
            start,
            finish,
            when={"$or": [{"kind": ["video"]}, from_proxy("rekognition")]} if operations.image else {},
            otherwise=Transform(detect) if operations.image else None,
        )

    stage = Stage(
        name,
        reads=(READY,),
        writes=writes,
        when={"kind": operations.kinds},
        when_proxied=proxied_pattern(operations),
        handler=handler,
        version=VERSION,
        paid_operations=tuple(f"rekognition.{method}" for method in operations.methods),
    )
    if not (operations.image and operations.job):
        return stage
    frames = replace(
        stage,
        handler=Transform(detect_sampled),
        when_proxied={},  # frames are sampled from videos that the service does not accept, too
        paid_operations=(f"rekognition.{operations.image}",),
        programs=("ffmpeg",),
        deadline_seconds=SAMPLING_SECONDS,
    )
    return _choice(stage, frames)


def _choice(video: Stage, frames: Stage) -> Stage:
    """Return the stage that sends videos, or with the setting `sample` the one that sends frames."""

    def choose(sample: str = "", options: tuple[str, ...] = ()) -> Stage:
        if sample not in ("", SCENES):
            raise ValueError(f'sample = {sample!r}: use "{SCENES}", or leave it out for the video API')
        return replace(frames if sample else video, options=options, factory=choose)

    return choose()


def proxied_pattern(operations: FeatureSpec) -> EventPattern:
    """Return the pattern of a stage that reads proxies of the videos that Rekognition does not accept."""
    if operations.job is None:
        return {}
    accepted = accepted_encoding(media_rule("rekognition", operations.job.operation))
    images: list[EventPattern] = [{"kind": ["image"]}] if operations.image else []
    return {"$or": [*images, {"kind": ["video"], **accepted}, from_proxy("rekognition")]}
