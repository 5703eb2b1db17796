"""Detect faces in an image or video."""

from __future__ import annotations

from headrace.schemas.records import Asset, FacesDetected, Pointer
from headrace.schemas.topics import FACES
from headrace.streams.service_results import VisionResult
from headrace.streams.stages._rekognition import vision_stage


def faces_found(asset: Asset, detected: VisionResult, result: Pointer) -> FacesDetected:
    """Return the 20 most confident faces; the complete response is stored at `result`."""
    return FacesDetected(
        asset=asset,
        faces=tuple(detected.detections[:20]),
        count=len(detected.detections),
        result=result,
        charges=detected.charges,
    )


STAGE = vision_stage("faces", "faces", FACES, faces_found)
