"""Samplers decide by the random bits of a trace id."""

from __future__ import annotations

import pytest

from headrace.schemas.ids import root_id
from headrace.schemas.spans import SpanContext
from headrace.schemas.tracing.sampler import SamplerName, sampler
from tests.support.records import asset

CONTEXTS = [
    SpanContext(root_id(asset(f"{number}.jpg"), "ObjectCreated:Put").replace("-", ""), "b7ad6b7169203331")
    for number in range(2000)
]


@pytest.mark.parametrize("ratio", [0.0, 0.1, 0.5, 1.0])
def test_ratio_is_the_share_of_traces_with_computed_ids(ratio: float) -> None:
    samples = sampler("traceidratio", ratio)
    share = sum(map(samples, CONTEXTS)) / len(CONTEXTS)
    assert share == pytest.approx(ratio, abs=0.05 * (0 < ratio < 1))


def test_smaller_ratio_samples_a_subset() -> None:
    few, many = sampler("traceidratio", 0.1), sampler("traceidratio", 0.5)
    assert all(many(each) for each in CONTEXTS if few(each))


@pytest.mark.parametrize(
    ("name", "sampled", "unsampled"),
    [
        ("always_on", True, True),
        ("always_off", False, False),
        ("parentbased_always_on", True, False),
        ("parentbased_always_off", False, False),
        ("parentbased_traceidratio", True, False),
    ],
)
def test_only_a_parent_based_sampler_honours_the_flag(name: SamplerName, sampled: bool, unsampled: bool) -> None:
    samples, context = sampler(name, 1.0), CONTEXTS[0]
    assert samples(context) is sampled
    assert samples(SpanContext(context.trace_id, context.span_id, sampled=False)) is unsampled
