"""Cut a video into shots, and find its black frames, credits and colour bars."""

from __future__ import annotations

from headrace.schemas.records import Asset, MediaSegmented, Pointer
from headrace.schemas.topics import SEGMENTED
from headrace.streams.service_results import VisionResult
from headrace.streams.stages._rekognition import vision_stage


def segmented(asset: Asset, findings: VisionResult, result: Pointer) -> MediaSegmented:
    """Give the first 50 segments; the whole answer lies at `result`."""
    return MediaSegmented(
        asset=asset,
        segments=tuple(findings.detections[:50]),
        count=len(findings.detections),
        result=result,
        charges=findings.charges,
    )


STAGE = vision_stage("segments", "segments", SEGMENTED, segmented)
