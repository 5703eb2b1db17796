"""Prove the promises on the whole pipeline under 12 kinds of faults: `make proof`, or `make proof ARGS=--short`.

S3 notifications go through SQS, the bridge, Kafka and the stages into the results store, the dead letters and the
views, while processes are killed, frozen and upgraded and each dependency fails. At the end no upload may be lost, no
job started twice and no key reordered; every dead letter is redriven, and the views equal a fresh fold of the log.

A seed gives the same uploads and the same schedule of faults. The full form writes bench/results/proof.json. Exit code
1 after an anomaly; the facts and the logs are then kept.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from bench.harness import report as results
from headrace.console.app.process import end_on_signals
from headrace.sandbox.cluster.lifetime import end_children_with_me
from headrace.sandbox.demo.isolation import isolate_environment
from tests.chaos.proof.plants import PLANTS
from tests.chaos.proof.run import ProofPlan, ProofReport, run

FULL = ProofPlan(seed=0, records=1_000_000, faults=1_000, seconds=7_800.0)
SHORT = ProofPlan(seed=0, records=10_000, faults=36, seconds=300.0)
LIBRARIES = ("headrace", "confluent-kafka", "aiokafka", "faust-streaming", "boto3", "ministack")


def main(
    seed: Annotated[int, typer.Option(help="Random seed; 0 for a random one.")] = 0,
    short: Annotated[bool, typer.Option("--short", help="A proof of ten minutes, without a result file.")] = False,
    records: Annotated[int | None, typer.Option(min=1, help="Records that the stages accept.")] = None,
    faults: Annotated[int | None, typer.Option(min=0, help="Number of faults.")] = None,
    seconds: Annotated[float | None, typer.Option(min=1, help="Seconds with faults.")] = None,
    plant: Annotated[str, typer.Option(help=f"Plant a bug, so that the proof fails: {', '.join(PLANTS)}.")] = "",
    previous: Annotated[str, typer.Option(help="Commit of the previous release.")] = "",
) -> None:
    """Run, print the report, and write it if this is the full form."""
    if plant and plant not in PLANTS:
        raise typer.BadParameter(f"one of {', '.join(PLANTS)}", param_hint="--plant")
    end_on_signals()
    end_children_with_me()
    isolate_environment()
    form = SHORT if short else FULL
    plan = replace(
        form,
        seed=seed or random.SystemRandom().randrange(1, 1 << 31),
        records=form.records if records is None else records,
        faults=form.faults if faults is None else faults,
        seconds=form.seconds if seconds is None else seconds,
        plants=(plant,) if plant else (),
        previous=previous,
    )
    folder = Path(tempfile.mkdtemp(prefix="headrace-proof-"))
    typer.echo(f"seed {plan.seed}: {plan.records:,} records, {plan.faults:,} faults in {plan.seconds:g} s")
    report = run(plan, folder, typer.echo)
    typer.echo(json.dumps(asdict(report), indent=2))
    if _is_full(plan, report):
        results.write(results.result("proof", asdict(report), LIBRARIES))
    anomalies = [*report.anomalies, *(each for found in report.planted.values() for each in found)]
    if anomalies:
        sys.exit(f"{len(anomalies)} anomalies, the first: {anomalies[0]}; the facts are in {folder}")
    shutil.rmtree(folder)


def _is_full(plan: ProofPlan, report: ProofReport) -> bool:
    """Whether a run is at least as large as the full form, with every kind of fault."""
    return report.records >= FULL.records and plan.faults >= FULL.faults and not report.not_run and not plan.plants


if __name__ == "__main__":
    typer.run(main)
