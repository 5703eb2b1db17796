"""Generated state machines on a real broker, under kills and faulty services; `make chaos-machines` runs many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.support import machine_site
from tests.chaos.support.machine_site import MachinePlan
from tests.support.brokers import Brokers, brokers


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    """A broker of its own: the test kills it and checks all of its records."""
    with brokers(tmp_path_factory.mktemp("chaos-brokers")) as started:
        yield started


@pytest.mark.timeout(1800)
def test_machines_end_as_the_interpreter_says_while_workers_and_the_broker_are_killed(
    cluster: Brokers, tmp_path: Path
) -> None:
    report = machine_site.run(MachinePlan(seed=7, machines=20, kills=3, broker_kills=1), cluster, tmp_path)
    assert report.anomalies == []
    assert report.faults["kill -9 of a worker"] >= 2
    assert min(report.transitions, report.tasks) > report.executions


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("bug", "anomaly"), [("drawn token", "has a token of no task"), ("history not sent", "has no history")]
)
def test_planted_bug_is_detected(cluster: Brokers, tmp_path: Path, bug: str, anomaly: str) -> None:
    plan = MachinePlan(seed=8, machines=8, kills=0, workers=1, bug=bug)
    report = machine_site.run(plan, cluster, tmp_path)
    assert any(anomaly in each for each in report.anomalies), report.anomalies
