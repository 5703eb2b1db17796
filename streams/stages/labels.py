"""Name what is visible in an image or video."""

from __future__ import annotations

from headrace.schemas.records import Asset, MediaLabelled, Pointer
from headrace.schemas.topics import LABELLED
from headrace.streams.service_results import VisionResult
from headrace.streams.stages._rekognition import vision_stage


def labelled(asset: Asset, findings: VisionResult, result: Pointer) -> MediaLabelled:
    """Sum up the surest 20 labels; the whole answer lies at `result`."""
    return MediaLabelled(
        asset=asset,
        labels=tuple(findings.detections[:20]),
        label_count=len(findings.detections),
        model=findings.model,
        result=result,
        charges=findings.charges,
    )


STAGE = vision_stage("labels", "labels", LABELLED, labelled)
