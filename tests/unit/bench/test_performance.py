"""Tests of the page of measured performance, and of the run of all benchmarks."""

from __future__ import annotations

from typing import Any

import pytest

from bench import performance
from bench.all import BENCHMARKS, Benchmark, run_all
from bench.performance import TARGETS, Target


def test_page_is_current_with_the_results() -> None:
    assert performance.PAGE.read_text("utf-8") == performance.render(performance.load()), "make bench-page"


def test_every_benchmark_with_a_target_is_run() -> None:
    assert {target.benchmark for target in TARGETS} <= {each.module for each in BENCHMARKS}


@pytest.mark.parametrize(("seconds", "value", "met"), [(False, 1.2, True), (False, 1.19, False), (True, 1.21, False)])
def test_target_is_met_within_its_limit(seconds: bool, value: float, met: bool) -> None:
    target = Target("speed", "codec", lambda measured: float(measured), 1.2, seconds)
    results: dict[str, Any] = {"codec": {"measured": value}}

    assert target.met(results) is met
    assert ("**missed**" in target.row(results)) is not met


def test_benchmark_that_does_not_fit_is_not_run() -> None:
    now = [0.0]

    def run(benchmark: Benchmark) -> bool:
        now[0] += benchmark.minutes * 60
        return benchmark.module != "b"

    benchmarks = [Benchmark("a", (), 20), Benchmark("b", (), 5), Benchmark("c", (), 6), Benchmark("d", (), 5)]

    assert run_all(benchmarks, run, clock=lambda: now[0]) == {"a": True, "b": False, "d": True}
