"""Run generated state machines under kills: `python -m tests.chaos.run_machines`, or `make chaos-machines`.

In memory, each machine runs once undisturbed, and again with workers that are killed at random effects: between two
records of a transition, before an acknowledgement, or before the commit. On three real brokers, all machines run at the
same time while workers and brokers are killed and services fail. Every run must end as the interpreter says, with the
history that its inbox leads to, and one command and one effect for each task.

Writes bench/results/machine-chaos.json. Exit code 1 if there are anomalies.
"""

from __future__ import annotations

import logging
import random
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import structlog
import typer

from bench.harness import report as results
from headrace.console.app.process import end_on_signals
from tests.chaos.support import machine_site
from tests.chaos.support.machine_chaos import check_machine
from tests.support.brokers import brokers

IN_MEMORY, KILLS_OF_EACH = 500, 3
MACHINES, KILLS, BROKER_KILLS, BROKERS = 2_000, 100, 5, 3


def main(
    seed: Annotated[int, typer.Option(help="Random seed; 0 for a random one.")] = 0,
    in_memory: Annotated[int, typer.Option(help="Number of machines in memory.")] = IN_MEMORY,
    machines: Annotated[int, typer.Option(help="Number of machines on real brokers.")] = MACHINES,
    kills: Annotated[int, typer.Option(help="Kills of workers on real brokers.")] = KILLS,
    broker_kills: Annotated[int, typer.Option(help="Kills of brokers.")] = BROKER_KILLS,
    count: Annotated[int, typer.Option("--brokers", help="Number of brokers.")] = BROKERS,
) -> None:
    """Check the machines, print what is wrong, and write the report."""
    end_on_signals()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    seed = seed or random.SystemRandom().randrange(1, 1 << 20)
    failed = _in_memory(in_memory, seed * 10_000)
    plan = machine_site.MachinePlan(seed=seed, machines=machines, kills=kills, broker_kills=broker_kills)
    folder = Path(tempfile.mkdtemp(prefix="headrace-chaos-"))
    with brokers(folder / "brokers", count) as cluster:
        report = machine_site.run(plan, cluster, folder)
    faults = ", ".join(f"{number} {what}" for what, number in report.faults.items())
    typer.echo(f"{report.executions:,} executions and {report.children:,} children on {count} brokers: seed {seed}")
    typer.echo(f"  {report.transitions:,} transitions, {report.tasks:,} tasks, {report.seconds:.0f} s; {faults}")
    for anomaly in report.anomalies:
        typer.echo(f"  {anomaly}")
    measured = asdict(report) | {"brokers": count, "in_memory": in_memory, "failed_in_memory": len(failed)}
    results.write(results.result("machine-chaos", measured))
    if failed or report.anomalies:
        sys.exit(f"{len(failed)} machines in memory failed, {len(report.anomalies)} anomalies, history in {folder}")


def _in_memory(machines: int, first: int) -> list[int]:
    kills, failed = 0, []
    for seed in range(first, first + machines):
        try:
            kills += check_machine(seed, KILLS_OF_EACH)
        except AssertionError as error:
            failed.append(seed)
            typer.echo(f"machine {seed}: {error}")
    typer.echo(f"{machines:,} machines in memory, {kills:,} kills, {len(failed)} failed")
    return failed


if __name__ == "__main__":
    typer.run(main)
