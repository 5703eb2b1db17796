"""What every stage that asks a vision service has in common: images are answered at once, videos are jobs."""

from __future__ import annotations

from collections.abc import Callable

from headrace.schemas.records import Asset, Event, MediaReady, Pointer
from headrace.schemas.topics import READY, Topic
from headrace.streams.service_results import Feature, VisionResult
from headrace.streams.services import Services
from headrace.streams.stage import AsyncJob, FinishedJob, Stage, Transform

DescribeVision = Callable[[Asset, VisionResult, Pointer], Event]

CALLS: dict[Feature, tuple[str, ...]] = {
    "labels": ("detect_labels", "start_label_detection", "get_label_detection"),
    "moderation": ("detect_moderation_labels", "start_content_moderation", "get_content_moderation"),
    "faces": ("detect_faces", "start_face_detection", "get_face_detection"),
    "text": ("detect_text", "start_text_detection", "get_text_detection"),
    "segments": ("start_segment_detection", "get_segment_detection"),
    "celebrities": ("recognize_celebrities", "start_celebrity_recognition", "get_celebrity_recognition"),
}

VERSION = 1


def vision_stage(name: str, feature: Feature, writes: Topic, describe: DescribeVision) -> Stage:
    """Build the stage that asks for one feature; `describe` makes its event of what was found."""
    calls = CALLS[feature]
    of_images = len(calls) == 3

    async def look(media: MediaReady, services: Services) -> Event:
        return await kept(media.asset, await services.vision.detect(feature, media.asset), services)

    async def start(media: MediaReady, token: str, services: Services) -> str:
        return await services.vision.start(feature, media.asset, token)

    async def finish(finished: FinishedJob, services: Services) -> Event:
        seconds = finished.record.duration_seconds or 0.0
        findings = await services.vision.get_result(feature, finished.job.job_id, seconds)
        return await kept(finished.asset, findings, services)

    async def kept(asset: Asset, findings: VisionResult, services: Services) -> Event:
        file = f"{name}@{VERSION}.answer.json"
        return describe(
            asset, findings, await services.blobs.put_blob(asset, file, findings.answer, "application/json")
        )

    operation = "".join(part.capitalize() for part in calls[-2].split("_"))
    return Stage(
        name,
        reads=(READY,),
        writes=writes,
        when={"kind": ["image", "video"] if of_images else ["video"]},
        handler=AsyncJob(
            "rekognition",
            operation,
            start,
            finish,
            when={"kind": ["video"]} if of_images else {},
            otherwise=Transform(look) if of_images else None,
        ),
        version=VERSION,
        paid_operations=tuple(f"rekognition.{call}" for call in calls),
    )
