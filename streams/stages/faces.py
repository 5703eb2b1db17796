"""Look for faces in an image or video."""

from __future__ import annotations

from headrace.schemas.records import Asset, FacesDetected, Pointer
from headrace.schemas.topics import FACES
from headrace.streams.service_results import VisionResult
from headrace.streams.stages._rekognition import vision_stage


def faces_found(asset: Asset, findings: VisionResult, result: Pointer) -> FacesDetected:
    """Sum up the surest 20 faces; the whole answer lies at `result`."""
    return FacesDetected(
        asset=asset,
        faces=tuple(findings.detections[:20]),
        count=len(findings.detections),
        result=result,
        charges=findings.charges,
    )


STAGE = vision_stage("faces", "faces", FACES, faces_found)
