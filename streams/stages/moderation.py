"""Check an image or video for unsafe content."""

from __future__ import annotations

from headrace.schemas.records import Asset, MediaModerated, Pointer
from headrace.schemas.topics import MODERATED
from headrace.streams.service_results import VisionResult
from headrace.streams.stages._rekognition import vision_stage


def moderated(asset: Asset, findings: VisionResult, result: Pointer) -> MediaModerated:
    """Sum up the surest 20 findings; the whole answer lies at `result`."""
    return MediaModerated(
        asset=asset,
        flags=tuple(findings.detections[:20]),
        flag_count=len(findings.detections),
        model=findings.model,
        result=result,
        charges=findings.charges,
    )


STAGE = vision_stage("moderation", "moderation", MODERATED, moderated)
