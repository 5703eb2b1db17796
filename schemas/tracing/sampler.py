"""Decide which traces are recorded: the samplers that `OTEL_TRACES_SAMPLER` names.

The ids of traces are computed from events, so every process makes the same decision without the others. The random part
of such an id, a UUID, are its last 56 bits: the bits before them are fixed.
Sources: OpenTelemetry Specification, "TraceState: Probability Sampling"; W3C Trace Context Level 2, "Random Trace ID
Flag".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from headrace.schemas.spans import SpanContext

SamplerName = Literal[
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
]
Samples = Callable[[SpanContext], bool]
"""Whether the trace is recorded of a span that is the parent, or that is the first of its trace."""

RANDOM_DIGITS = 14
"""The 56 random bits in hexadecimal digits."""
PARENT_BASED = "parentbased_"


def sampler(name: SamplerName, ratio: float) -> Samples:
    """Return the decision of a sampler. A parent-based one also honours a parent that is not recorded."""
    kind = name.removeprefix(PARENT_BASED)
    share = {"always_on": 1.0, "always_off": 0.0}.get(kind, ratio)
    threshold = f"{round((1 - share) * 16**RANDOM_DIGITS):0{RANDOM_DIGITS}x}"
    honours_parent = name.startswith(PARENT_BASED)

    def samples(context: SpanContext) -> bool:
        if honours_parent and not context.sampled:
            return False
        random = context.trace_id[-RANDOM_DIGITS:]
        return share > 0 and random >= threshold  # digits of equal length sort as numbers

    return samples
