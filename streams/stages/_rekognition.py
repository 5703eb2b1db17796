"""Build the stages of vision features: an image is one synchronous call, a video is a job."""

from __future__ import annotations

from collections.abc import Callable

from headrace.schemas.records import Asset, Event, MediaReady, Pointer
from headrace.schemas.topics import READY, Topic
from headrace.streams.costs.prices import operation_of
from headrace.streams.limits.input_check import accepted_encoding
from headrace.streams.limits.service_inputs import media_rule
from headrace.streams.service_results import VisionResult
from headrace.streams.services import Services
from headrace.streams.stage import AsyncJob, EventPattern, FinishedJob, Stage, Transform
from headrace.streams.stages._inputs import Proxied, from_proxy, media_for, picture_for
from headrace.streams.vision_features import VISION_FEATURES, Feature, FeatureSpec

DescribeVision = Callable[[Asset, VisionResult, Pointer], Event]

VERSION = 1


def vision_stage(name: str, feature: Feature, writes: Topic, describe: DescribeVision) -> Stage:
    """Build the stage of a feature. `describe` builds its event from the result."""
    operations = VISION_FEATURES[feature]
    image_operation = operation_of(operations.image)

    async def detect(media: MediaReady, services: Services) -> Event:
        picture = await picture_for("rekognition", image_operation, media, services)
        return await store(media.asset, await services.vision.detect(feature, picture), services)

    async def start(record: Proxied, token: str, services: Services) -> str:
        return await services.vision.start(feature, media_for("rekognition", record), token)

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
            when={"$or": [{"kind": ["video"]}, from_proxy("rekognition")]} if operations.image else {},
            otherwise=Transform(detect) if operations.image else None,
        )
    return Stage(
        name,
        reads=(READY,),
        writes=writes,
        when={"kind": operations.kinds},
        when_proxied=proxied_pattern(operations),
        handler=handler,
        version=VERSION,
        paid_operations=tuple(f"rekognition.{method}" for method in operations.methods),
    )


def proxied_pattern(operations: FeatureSpec) -> EventPattern:
    """Return the pattern of a stage that reads proxies of the videos that Rekognition does not accept."""
    if operations.job is None:
        return {}
    accepted = accepted_encoding(media_rule("rekognition", operations.job.operation))
    images: list[EventPattern] = [{"kind": ["image"]}] if operations.image else []
    return {"$or": [*images, {"kind": ["video"], **accepted}, from_proxy("rekognition")]}
