"""Read the text that is visible in an image or video."""

from __future__ import annotations

from headrace.schemas.records import Asset, Pointer, TextDetected
from headrace.schemas.topics import TEXT_SEEN
from headrace.streams.service_results import VisionResult
from headrace.streams.stages._rekognition import vision_stage


def text_found(asset: Asset, findings: VisionResult, result: Pointer) -> TextDetected:
    """Sum up the surest 20 lines; the whole answer lies at `result`."""
    return TextDetected(
        asset=asset,
        lines=tuple(findings.detections[:20]),
        count=len(findings.detections),
        result=result,
        charges=findings.charges,
    )


STAGE = vision_stage("text-in-video", "text", TEXT_SEEN, text_found)
