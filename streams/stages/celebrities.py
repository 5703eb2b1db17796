"""Recognise celebrities in an image or video."""

from __future__ import annotations

from headrace.schemas.records import Asset, CelebritiesRecognised, Pointer
from headrace.schemas.topics import CELEBRITIES
from headrace.streams.service_results import VisionResult
from headrace.streams.stages._rekognition import vision_stage


def celebrities_found(asset: Asset, detected: VisionResult, result: Pointer) -> CelebritiesRecognised:
    """Return the 20 most confident celebrities; the complete response is stored at `result`."""
    return CelebritiesRecognised(
        asset=asset,
        celebrities=tuple(detected.detections[:20]),
        count=len(detected.detections),
        result=result,
        charges=detected.charges,
    )


STAGE = vision_stage("celebrities", "celebrities", CELEBRITIES, celebrities_found)
