"""Find personal data in a text. What it found is never written down, only where it stands."""

from __future__ import annotations

from headrace.schemas.records import Asset, PiiDetected, PiiSpan, Pointer
from headrace.schemas.topics import PII
from headrace.streams.service_results import TextSpans
from headrace.streams.stages._comprehend import marking_stage

SHOWN = 50


def pii_found(asset: Asset, found: TextSpans, result: Pointer) -> PiiDetected:
    """Sum up the kinds and the surest 50 places; all of them lie at `result`."""
    marks = sorted(found.spans, key=lambda mark: (-mark.score, mark.begin))[:SHOWN]
    return PiiDetected(
        asset=asset,
        kinds=tuple(sorted({mark.kind for mark in found.spans})),
        count=len(found.spans),
        spans=tuple(PiiSpan(kind=mark.kind, score=mark.score, begin=mark.begin, end=mark.end) for mark in marks),
        result=result,
        charges=found.charges,
    )


STAGE = marking_stage("pii", PII, pii_found)
