"""Short crash test: no lost records, no double outcomes, ordered keys and no double billing under faults.

The long form, with three brokers, is `make chaos`; its report is bench/results/chaos.json.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.support import cluster as support_cluster
from tests.chaos.support.worker import POINTS
from tests.support.brokers import Brokers, brokers


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    """A broker of its own: the test kills it and checks all of its records."""
    with brokers(tmp_path_factory.mktemp("chaos-brokers")) as started:
        yield started


@pytest.mark.timeout(1800)
def test_every_promise_holds_while_workers_and_the_broker_are_killed(cluster: Brokers, tmp_path: Path) -> None:
    plan = support_cluster.Plan(seed=20260314, inputs=800, rate=40, kills=3, freezes=1, broker_kills=1)
    report = support_cluster.run(plan, cluster, tmp_path)
    assert report.anomalies == []
    assert report.unaccounted == []
    assert sum(report.balance) == report.inputs >= plan.inputs
    assert {f"crash at {point}" for point in POINTS} <= report.faults.keys()
    assert (report.balance.retrying, report.balance.lost) == (0, 0)
    # Every outcome occurs, and no dead letter has an internal error.
    assert min(report.balance.done, report.balance.dead_lettered, report.balance.superseded) > 0
    assert report.codes == ["decode", "unreadable"]


@pytest.mark.timeout(1800)
def test_in_an_ordered_stage_no_record_passes_another_of_its_key(cluster: Brokers, tmp_path: Path) -> None:
    plan = support_cluster.Plan(
        seed=20260315, inputs=250, rate=60, kills=2, freezes=0, broker_kills=0, points=(), ordered=True
    )
    report = support_cluster.run(plan, cluster, tmp_path)
    assert report.anomalies == []
    assert report.unaccounted == []
    assert sum(report.balance) == report.inputs >= plan.inputs
    assert (report.balance.retrying, report.balance.lost) == (0, 0)
    assert report.balance.done > 0
