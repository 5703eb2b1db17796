"""Long crash test on three brokers: `python -m tests.chaos.run`, or `make chaos`.

Writes bench/results/chaos.json. Exit code 1 if there are anomalies; the raw history is kept.
"""

from __future__ import annotations

import random
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.harness import report as results
from headrace.console.app.process import end_on_signals
from tests.chaos.support import cluster as support_cluster
from tests.support.brokers import brokers

PLAN = support_cluster.Plan(
    seed=0,
    inputs=10_000,
    rate=60,
    kills=50,
    freezes=4,
    broker_kills=6,
    pause=(0.8, 2.4),
    drain_seconds=240.0,
)


def main(seed: Annotated[int, typer.Option(help="Random seed; 0 for a random one.")] = 0) -> None:
    """Run once with any stage and once with an ordered stage, and write the report."""
    end_on_signals()
    seed = seed or random.SystemRandom().randrange(1, 1 << 31)
    runs = {
        "any stage": replace(PLAN, seed=seed),
        "ordered stage": replace(PLAN, seed=seed + 1, inputs=3_000, kills=15, freezes=2, broker_kills=2, ordered=True),
    }
    reports = {name: _run(name, plan) for name, plan in runs.items()}
    results.write(results.result("chaos", reports))
    broken = [each for report in reports.values() for each in report["anomalies"]]
    if broken:
        sys.exit(f"{len(broken)} anomalies, the first: {broken[0]}")


def _run(name: str, plan: support_cluster.Plan) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="headrace-chaos-"))
    with brokers(folder / "brokers", 3) as cluster:
        report = support_cluster.run(plan, cluster, folder)
    result = asdict(report) | {"balance": report.balance._asdict()}
    faults, outcomes = sum(report.faults.values()), result["balance"].items()
    print(f"{name}: seed {plan.seed}, {report.inputs:,} inputs, {faults} faults, {report.seconds:.0f} s")
    print("  " + ", ".join(f"{count:,} {how}" for how, count in outcomes) + f"; {len(report.anomalies)} anomalies")
    if report.anomalies:
        print(f"  the history is kept in {folder}")
    return result


if __name__ == "__main__":
    typer.run(main)
