"""Detect personal data in a text. Only its positions are stored, never the data itself."""

from __future__ import annotations

from headrace.schemas.records import Asset, PiiDetected, PiiSpan, Pointer
from headrace.schemas.topics import PII
from headrace.streams.service_results import TextSpans
from headrace.streams.stages._comprehend import marking_stage

MAX_SPANS = 50


def pii_found(asset: Asset, detected: TextSpans, result: Pointer) -> PiiDetected:
    """Return the kinds and the 50 most confident spans; all are stored at `result`."""
    spans = sorted(detected.spans, key=lambda span: (-span.score, span.begin))[:MAX_SPANS]
    return PiiDetected(
        asset=asset,
        kinds=tuple(sorted({span.kind for span in detected.spans})),
        count=len(detected.spans),
        spans=tuple(PiiSpan(kind=span.kind, score=span.score, begin=span.begin, end=span.end) for span in spans),
        result=result,
        charges=detected.charges,
    )


STAGE = marking_stage("pii", PII, pii_found)
