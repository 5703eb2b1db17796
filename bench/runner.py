"""Measure the runner and its peers: `python -m bench.runner [--quick]`, or `make bench-runner`.

All read the same topic of the same broker, alternately, each in its own process.
A rate is measured from the first processed record to the last. Headrace runs with the scheduler, outcomes, metrics and
safe commits; its results bucket is in memory.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bench.harness import load, report
from bench.harness.processes import answer, module
from bench.harness.report import Spread
from bench.harness.servers import broker_of, running
from bench.harness.stage_process import Kind, Measured, Task
from headrace.schemas.kafka.settings import KafkaSettings

HERE = Path(__file__).parent
PEERS = HERE / "peers"
PYTHON_OF_PEERS = HERE.parent / ".venv-bench" / "bin" / "python"
TOPIC = "bench.uploads"
RECORDS = 300_000

WAITING: dict[str, tuple[Kind, float, int]] = {
    "Headrace: 50 ms of waiting, on bytes": ("bytes", 50.0, 160_000),
    "Headrace: 50 ms of waiting, decoded, a result stored": ("stored", 50.0, 160_000),
    "Headrace: 10 ms of waiting, on bytes": ("bytes", 10.0, 160_000),
}
"""Kind, wait of the handler in ms, and number of records; 1,000 are in flight."""

IDEAL_SHARE, NO_OP = 0.95, 100_000.0

OURS: dict[str, tuple[Kind, int]] = {
    "Headrace: whole runner, record not wanted": ("not wanted", RECORDS),
    "Headrace: bytes, no-op": ("bytes", RECORDS),
    "Headrace: lanes under Faust alone": ("lanes", RECORDS),
    "Headrace: whole runner, one result stored and sent": ("sent", 60_000),
    "Headrace: bytes, one record sent": ("bytes sent", 150_000),
}
THEIRS: dict[str, tuple[str, str, int]] = {
    "confluent-kafka, bare": ("bare_confluent", "", RECORDS),
    "aiokafka, bare": ("bare_aiokafka", "", RECORDS),
    "quixstreams: no-op": ("quix", "", RECORDS),
    "quixstreams: decodes Avro, keeps none": ("quix", "avro", RECORDS),
    "quixstreams: to_topic": ("quix", "to_topic", 150_000),
    "FastStream on aiokafka": ("faststream_aiokafka", "", 40_000),
    "FastStream on confluent-kafka": ("faststream_confluent", "", 20_000),
    "Faust alone": ("faust_alone", "", 60_000),
    "Faust alone, uvloop": ("faust_alone", "uvloop", 60_000),
}


def main(
    repetitions: Annotated[int, typer.Option(help="Number of rounds.")] = 5,
    quick: Annotated[bool, typer.Option(help="Use a tenth of the records and write no result.")] = False,
) -> None:
    """Measure, print the table and write the result. Exit code 1 if a target is missed."""
    if not PYTHON_OF_PEERS.exists():
        raise SystemExit("the peers are not installed: make bench-runner")
    share = 0.1 if quick else 1.0
    with kafka() as settings:
        size = load.fill(settings, TOPIC, int(RECORDS * share))
        print(f"{int(RECORDS * share):,} records of {size:.0f} bytes, {load.KEYS:,} keys, 4 partitions")
        rates: dict[str, list[float]] = {}
        for number in range(repetitions):
            print(f"round {number + 1} of {repetitions}", flush=True)
            for name, measure in _measurements(settings, share).items():
                rates.setdefault(name, []).append(measure())
    spreads = {name: report.spread(values) for name, values in rates.items()}
    _print(spreads)
    if not quick:
        libraries = ("faust-streaming", "aiokafka", "confluent-kafka", "uvloop")
        report.write(
            report.result("runner", {name: asdict(each) for name, each in spreads.items()}, libraries)
            | {"peers": _pinned(), "record_bytes": round(size)}
        )
    _judge(spreads)


def _measurements(settings: KafkaSettings, share: float) -> dict[str, Callable[[], float]]:
    def ours(kind: Kind, records: int, wait_ms: float = 0.0) -> Callable[[], float]:
        task = task_of(settings, kind, int(records * share), wait_ms=wait_ms)
        return lambda: run_ours(task)

    def theirs(script: str, variant: str, records: int) -> Callable[[], float]:
        return lambda: _theirs(settings, script, variant, int(records * share))

    return {
        **{name: ours(kind, records, wait) for name, (kind, wait, records) in WAITING.items()},
        **{name: ours(kind, records) for name, (kind, records) in OURS.items()},
        **{name: theirs(*peer) for name, peer in THEIRS.items()},
    }


def task_of(settings: KafkaSettings, kind: Kind, records: int, reads: str = TOPIC, **more: Any) -> Task:
    """Return a task with a unique stage name, and so with a new consumer group."""
    name = f"b{uuid.uuid4().hex[:8]}"
    return Task(
        bootstrap_servers=settings.bootstrap_servers, name=name, reads=reads, kind=kind, records=records, **more
    )


def run_ours(task: Task) -> float:
    """Host a stage in its own process; return records per second."""
    result = answer(module("bench.harness.stage_process", task), Measured)
    if result.out_of_order:
        raise SystemExit(f"{task.kind}: {result.out_of_order} records are out of order within their key")
    return result.records / result.seconds


def _theirs(settings: KafkaSettings, script: str, variant: str, records: int) -> float:
    orders = {
        "bootstrap_servers": settings.bootstrap_servers,
        "reads": TOPIC,
        "group": f"peer-{uuid.uuid4().hex[:8]}",
        "records": records,
        "variant": variant,
    }
    command = [str(PYTHON_OF_PEERS), str(PEERS / f"{script}.py"), json.dumps(orders)]
    result = answer(command, dict[str, Any])
    return float(result["records"] / result["seconds"])


@contextmanager
def kafka(parts: Sequence[str] = ("kafka",)) -> Iterator[KafkaSettings]:
    """Run a broker and other parts of the sandbox, and set the environment variables for them."""
    with running(parts) as state:
        yield broker_of(state)


def _print(spreads: dict[str, Spread]) -> None:
    table = Table("records/s", "median", "half of the runs within", box=None)
    for name, each in spreads.items():
        share = f"  {each.median / _ideal(name):.1%} of ideal" if _ideal(name) else ""
        table.add_row(name, f"{each.median:,.0f}{share}", f"{each.lower:,.0f} to {each.upper:,.0f}")
    Console(width=120).print(table)


def _ideal(name: str) -> float:
    waiting = WAITING.get(name)
    return 1000 / (waiting[1] / 1000) if waiting else 0.0


def _judge(spreads: dict[str, Spread]) -> None:
    """Compare with the targets. The no-op target excludes the codec."""
    waits, no_op = next(iter(WAITING)), spreads["Headrace: bytes, no-op"].median
    checks = {
        f"50 ms of waiting at {IDEAL_SHARE:.0%} of ideal": spreads[waits].median >= IDEAL_SHARE * _ideal(waits),
        f"{NO_OP:,.0f} records/s with the whole runner on": no_op >= NO_OP,
        "ahead of quixstreams": no_op > spreads["quixstreams: no-op"].median,
    }
    report.judge(checks)


def _pinned() -> list[str]:
    lines = (PEERS / "requirements.txt").read_text("utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


if __name__ == "__main__":
    typer.run(main)
