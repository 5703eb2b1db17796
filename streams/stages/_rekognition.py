"""Build the stages of vision features: an image is one synchronous call, a video is a job."""

from __future__ import annotations

from collections.abc import Callable

from headrace.schemas.records import Asset, Event, MediaReady, Pointer
from headrace.schemas.topics import READY, Topic
from headrace.streams.service_results import VisionResult
from headrace.streams.services import Services
from headrace.streams.stage import AsyncJob, FinishedJob, Stage, Transform
from headrace.streams.vision_features import VISION_FEATURES, Feature

DescribeVision = Callable[[Asset, VisionResult, Pointer], Event]

VERSION = 1


def vision_stage(name: str, feature: Feature, writes: Topic, describe: DescribeVision) -> Stage:
    """Build the stage of a feature. `describe` builds its event from the result."""
    operations = VISION_FEATURES[feature]

    async def detect(media: MediaReady, services: Services) -> Event:
        return await store(media.asset, await services.vision.detect(feature, media.asset), services)

    async def start(media: MediaReady, token: str, services: Services) -> str:
        return await services.vision.start(feature, media.asset, token)

    async def finish(finished: FinishedJob, services: Services) -> Event:
        seconds = finished.record.duration_seconds or 0.0
        detected = await services.vision.get_result(feature, finished.job.job_id, seconds)
        return await store(finished.asset, detected, services)

    async def store(asset: Asset, detected: VisionResult, services: Services) -> Event:
        file = f"{name}@{VERSION}.answer.json"
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
            when={"kind": ["video"]} if operations.image else {},
            otherwise=Transform(detect) if operations.image else None,
        )
    return Stage(
        name,
        reads=(READY,),
        writes=writes,
        when={"kind": operations.kinds},
        handler=handler,
        version=VERSION,
        paid_operations=tuple(f"rekognition.{method}" for method in operations.methods),
    )
