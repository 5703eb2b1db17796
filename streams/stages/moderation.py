"""Check an image or video for unsafe content."""

from __future__ import annotations

from headrace.schemas.records import Asset, MediaModerated, Pointer
from headrace.schemas.topics import MODERATED
from headrace.streams.service_results import Findings
from headrace.streams.stages._rekognition import vision_stage


def moderated(asset: Asset, findings: Findings, result: Pointer) -> MediaModerated:
    """Sum up the surest 20 findings; the whole answer lies at `result`."""
    return MediaModerated(
        asset=asset,
        flags=tuple(findings.found[:20]),
        flag_count=len(findings.found),
        model=findings.model,
        result=result,
        charges=findings.charges,
    )


STAGE = vision_stage("moderation", "moderation", MODERATED, moderated)
