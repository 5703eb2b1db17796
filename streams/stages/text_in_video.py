"""Detect text in an image or video."""

from __future__ import annotations

from headrace.schemas.records import Asset, Pointer, TextDetected
from headrace.schemas.topics import TEXT_SEEN
from headrace.streams.service_results import VisionResult
from headrace.streams.stages._rekognition import vision_stage


def text_found(asset: Asset, detected: VisionResult, result: Pointer) -> TextDetected:
    """Return the 20 most confident lines; the complete response is stored at `result`."""
    return TextDetected(
        asset=asset,
        lines=tuple(detected.detections[:20]),
        count=len(detected.detections),
        result=result,
        charges=detected.charges,
    )


STAGE = vision_stage("text-in-video", "text", TEXT_SEEN, text_found)
