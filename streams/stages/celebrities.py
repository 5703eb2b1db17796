"""Recognise known people in an image or video."""

from __future__ import annotations

from headrace.schemas.records import Asset, CelebritiesRecognised, Pointer
from headrace.schemas.topics import CELEBRITIES
from headrace.streams.service_results import VisionResult
from headrace.streams.stages._rekognition import vision_stage


def celebrities_found(asset: Asset, findings: VisionResult, result: Pointer) -> CelebritiesRecognised:
    """Sum up the surest 20; the whole answer lies at `result`."""
    return CelebritiesRecognised(
        asset=asset,
        celebrities=tuple(findings.detections[:20]),
        count=len(findings.detections),
        result=result,
        charges=findings.charges,
    )


STAGE = vision_stage("celebrities", "celebrities", CELEBRITIES, celebrities_found)
