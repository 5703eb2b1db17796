"""Check an image or video for unsafe content."""

from __future__ import annotations

from headrace.schemas.records import Asset, MediaModerated, Pointer
from headrace.schemas.topics import MODERATED
from headrace.streams.service_results import VisionResult
from headrace.streams.stages._rekognition import vision_stage


def moderated(asset: Asset, detected: VisionResult, result: Pointer) -> MediaModerated:
    """Return the 20 most confident moderation labels; the complete response is stored at `result`."""
    return MediaModerated(
        asset=asset,
        flags=tuple(detected.detections[:20]),
        flag_count=len(detected.detections),
        model=detected.model,
        result=result,
        charges=detected.charges,
    )


STAGE = vision_stage("moderation", "moderation", MODERATED, moderated)
