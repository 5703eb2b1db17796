"""Label the objects, scenes and activities of an image or video."""

from __future__ import annotations

from headrace.schemas.records import Asset, MediaLabelled, Pointer
from headrace.schemas.topics import LABELLED
from headrace.streams.service_results import VisionResult
from headrace.streams.stages._rekognition import vision_stage


def labelled(asset: Asset, detected: VisionResult, result: Pointer) -> MediaLabelled:
    """Return the 20 most confident labels; the complete response is stored at `result`."""
    return MediaLabelled(
        asset=asset,
        labels=tuple(detected.detections[:20]),
        label_count=len(detected.detections),
        model=detected.model,
        result=result,
        charges=detected.charges,
    )


STAGE = vision_stage("labels", "labels", LABELLED, labelled)
