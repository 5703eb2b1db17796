"""Detect shots, black frames, credits and colour bars in a video."""

from __future__ import annotations

from headrace.schemas.records import Asset, MediaSegmented, Pointer
from headrace.schemas.topics import SEGMENTED
from headrace.streams.service_results import VisionResult
from headrace.streams.stages._rekognition import vision_stage


def segmented(asset: Asset, detected: VisionResult, result: Pointer) -> MediaSegmented:
    """Return the first 50 segments; the complete response is stored at `result`."""
    return MediaSegmented(
        asset=asset,
        segments=tuple(detected.detections[:50]),
        count=len(detected.detections),
        result=result,
        charges=detected.charges,
    )


STAGE = vision_stage("segments", "segments", SEGMENTED, segmented)
