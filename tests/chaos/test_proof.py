"""A small proof of the whole pipeline under some faults, which finds every planted bug. `make proof` runs more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.sandbox.demo.isolation import isolate_environment
from tests.chaos.proof.plants import EVIDENCE, PLANTS
from tests.chaos.proof.run import ProofPlan, run


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Restore the environment, which a proof changes."""
    before = dict(os.environ)
    isolate_environment()
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.timeout(1800)
def test_every_promise_holds_under_faults_and_every_planted_bug_is_found(tmp_path: Path) -> None:
    plan = ProofPlan(seed=20261130, records=500, faults=3, seconds=20.0, open=20, plants=PLANTS)
    report = run(plan, tmp_path, lambda _: None)
    assert report.anomalies == []
    assert sum(report.faults.values()) == 3
    assert report.records >= 500
    assert report.accounts["accepted"] == report.records
    for name, found in report.planted.items():
        assert any(EVIDENCE[name] in each for each in found), (name, found)
    assert report.planted.keys() == set(PLANTS)
