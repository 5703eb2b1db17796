"""Measure the routing rate of a rule against a no-op stage: `python -m bench.routing [--quick]`.

Both read the same topic through the whole runner. A rule decodes each record, converts it to an EventBridge event,
matches it, and forwards matches to another topic, acknowledged before the offset is committed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bench.harness import load, report
from bench.harness.report import Spread
from bench.harness.stage_process import Kind
from bench.runner import TOPIC, kafka, run_ours, task_of
from headrace.schemas.kafka.settings import KafkaSettings

RECORDS = 150_000
NO_OP = "the runner's no-op: record not wanted"
SOME = "a rule that forwards one record in ten"
GOAL = 0.5
ONE_IN_TEN = {"detail": {"asset": {"key": [{"suffix": "0.jpg"}]}, "event_name": ["ObjectCreated:Put"]}}
ALL = {"detail": {"asset": {"key": [{"suffix": ".jpg"}]}, "event_name": ["ObjectCreated:Put"]}}
NONE = {"detail": {"asset": {"key": [{"suffix": ".png"}]}, "event_name": ["ObjectCreated:Put"]}}


def main(
    repetitions: Annotated[int, typer.Option(help="Repetitions of each measurement.")] = 5,
    quick: Annotated[bool, typer.Option(help="Use a tenth of the records and write no result.")] = False,
) -> None:
    """Measure, print the table and write the result. Exit code 1 if the target is missed."""
    records = RECORDS // 10 if quick else RECORDS
    with kafka() as settings:
        load.fill(settings, TOPIC, records)
        rates: dict[str, list[float]] = {}
        for number in range(repetitions):
            print(f"round {number + 1} of {repetitions}", flush=True)
            for name, measure in _measurements(settings, records).items():
                rates.setdefault(name, []).append(measure())
    spreads = {name: report.spread(values) for name, values in rates.items()}
    _print(spreads)
    if not quick:
        measured = {name: asdict(each) for name, each in spreads.items()}
        report.write(report.result("router", measured, ("faust-streaming", "confluent-kafka")))
    share = spreads[SOME].median / spreads[NO_OP].median
    if share < GOAL:
        raise SystemExit(f"missed: {share:.0%} of the no-op's rate, target {GOAL:.0%}")


def _measurements(settings: KafkaSettings, records: int) -> dict[str, Callable[[], float]]:
    measure = partial(_rate, settings, records)
    return {
        NO_OP: partial(measure, "not wanted", {}),
        "a rule that matches nothing": partial(measure, "routed", NONE),
        SOME: partial(measure, "routed", ONE_IN_TEN),
        "a rule that forwards every record": partial(measure, "routed", ALL),
    }


def _rate(settings: KafkaSettings, records: int, kind: Kind, pattern: dict[str, Any]) -> float:
    return run_ours(task_of(settings, kind, records, pattern=pattern))


def _print(spreads: dict[str, Spread]) -> None:
    table = Table("records/s", "median", "half of the runs within", box=None)
    for name, each in spreads.items():
        share = f"  {each.median / spreads[NO_OP].median:.0%}"
        table.add_row(name, f"{each.median:,.0f}{share}", f"{each.lower:,.0f} to {each.upper:,.0f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    typer.run(main)
