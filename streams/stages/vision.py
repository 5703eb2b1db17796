"""What every stage that asks a vision service has in common: images are answered at once, videos are jobs."""

from __future__ import annotations

from collections.abc import Callable

from schemas.records import Asset, Event, MediaReady, Pointer
from schemas.topics import READY, Topic
from streams.services import Feature, Findings, Services
from streams.stage import Finished, Job, Stage

Describe = Callable[[Asset, Findings, Pointer], Event]

CALLS: dict[Feature, tuple[str, ...]] = {
    "labels": ("rekognition.detect_labels", "rekognition.start_label_detection", "rekognition.get_label_detection"),
    "moderation": (
        "rekognition.detect_moderation_labels",
        "rekognition.start_content_moderation",
        "rekognition.get_content_moderation",
    ),
}

VERSION = 1


def vision_stage(feature: Feature, operation: str, writes: Topic, describe: Describe) -> Stage:
    """Build the stage that asks for one feature; `describe` makes its event of what was found."""

    async def look(media: MediaReady, services: Services) -> Event:
        return await kept(media.asset, await services.vision.look(feature, media.asset), services)

    async def start(media: MediaReady, token: str, services: Services) -> str:
        return await services.vision.start(feature, media.asset, token)

    async def finish(finished: Finished, services: Services) -> Event:
        seconds = finished.record.duration_seconds or 0.0
        findings = await services.vision.found(feature, finished.job.job_id, seconds)
        return await kept(finished.asset, findings, services)

    async def kept(asset: Asset, findings: Findings, services: Services) -> Event:
        name = f"{feature}@{VERSION}.answer.json"
        return describe(asset, findings, await services.blobs.keep(asset, name, findings.answer, "application/json"))

    return Stage(
        feature,
        reads=(READY,),
        writes=writes,
        when={"kind": ["image", "video"]},
        run=look,
        job=Job("rekognition", operation, start, finish, when={"kind": ["video"]}),
        version=VERSION,
        calls=CALLS[feature],
    )
