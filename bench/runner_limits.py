"""Measure memory growth, and the effect of a hot key: `python -m bench.runner_limits [--minutes]`.

The runner is complete except for decoding.
"""

from __future__ import annotations

import statistics
import threading
import uuid
from dataclasses import asdict
from typing import Annotated, Any

import typer

from bench.harness import load, report
from bench.harness.load import Pace
from bench.harness.processes import answer, module
from bench.harness.stage_process import Kind, Measured, Task
from bench.runner import kafka
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings

WARM_SECONDS = 6.0
MAX_SECONDS = 120.0
"""Timeout of a run, in addition to its duration."""

HOT_RECORDS, OTHER_KEYS = 100_000, 1_000
SECONDS = 20.0
REPETITIONS = 3
MAX_BESIDE = 1.2
FLAT_MB = 0.1
"""Growth per minute that the interpreter itself may cause."""

PACE = 20_000.0
"""Records per second; the broker and the sender need the other core."""


def main(
    minutes: Annotated[float, typer.Option(help="Duration of the memory measurement.")] = 3.0,
    soak: Annotated[bool, typer.Option(help="Measure memory only, and write the result to a separate file.")] = False,
) -> None:
    """Measure, print and store the result."""
    with kafka() as settings:
        results: dict[str, Any] = {} if soak else {"hot_key": _hot_key(settings), "waiting_records": _waiting(settings)}
        results["growth"] = _growth(settings, minutes * 60)
    report.write(report.result("soak" if soak else "runner_limits", results, ("faust-streaming", "aiokafka", "uvloop")))
    for name, values in results.items():
        print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in values.items()))
    _judge(results)


def _judge(results: dict[str, Any]) -> None:
    growth = results["growth"]
    checks = {"memory is flat": growth["mb_a_minute"] <= max(growth["give_or_take"], FLAT_MB)}
    if "hot_key" in results:
        others = f"others wait at most {MAX_BESIDE} times as long beside a hot key"
        checks[others] = results["hot_key"]["ratio"] <= MAX_BESIDE
    report.judge(checks)


def _hot_key(settings: KafkaSettings) -> dict[str, Any]:
    """Measure the delay of 1,000 keys at 500 records per second, with and without a key of 100,000 records."""
    others = Pace("other-{}", OTHER_KEYS, 500)
    hot = Pace("hot", 1, HOT_RECORDS / SECONDS)
    alone, beside = [], []
    for _ in range(REPETITIONS):
        alone.append(_p99(_watched(settings, [others], SECONDS, wait_ms=0.1, timed="other-")))
        beside.append(_p99(_watched(settings, [others, hot], SECONDS, wait_ms=0.1, timed="other-")))
    ratio = statistics.median(beside) / statistics.median(alone)
    return {
        "p99_alone_ms": asdict(report.spread(alone)),
        "p99_beside_ms": asdict(report.spread(beside)),
        "ratio": round(ratio, 2),
    }


def _p99(measured: Measured) -> float:
    return statistics.quantiles(measured.delays_ms, n=100)[98]


def _waiting(settings: KafkaSettings) -> dict[str, Any]:
    """Measure the memory of one waiting record, from 100,000 waiting records."""
    records = 100_000
    topic = _topic(settings)
    load.keep_sending(settings, topic, [Pace("key-{}", 5_000, records)], 1.0)
    task = _task(settings, topic, "lanes", records=1, wait_ms=5_000, in_flight=10, buffer_bytes=1 << 30)
    full = answer(module("bench.harness.stage_process", task), Measured, MAX_SECONDS)
    empty = full.resident_mb[0]
    return {"bytes_a_record": round((max(full.resident_mb) - empty) * 1e6 / records), "records": records}


def _growth(settings: KafkaSettings, seconds: float) -> dict[str, Any]:
    """Return the slope of resident memory under constant load, with twice its standard error."""
    measured = _watched(settings, [Pace("key-{}", 5_000, PACE)], seconds, wait_ms=0.0)
    held = measured.resident_mb[len(measured.resident_mb) // 4 :]
    minutes = [second / 60 for second in range(len(held))]
    slope, intercept = statistics.linear_regression(minutes, held)
    rest = [each - slope * minute - intercept for minute, each in zip(minutes, held, strict=True)]
    spread = statistics.pstdev(minutes) * len(held) ** 0.5
    error = 2 * statistics.pstdev(rest) / spread
    return {
        "records": measured.records,
        "records_a_second": round(measured.records / measured.seconds),
        "resident_mb": round(held[-1], 1),
        "mb_a_minute": round(slope, 3),
        "give_or_take": round(error, 3),
    }


def _watched(settings: KafkaSettings, paces: list[Pace], seconds: float, wait_ms: float, timed: str = "") -> Measured:
    """Process records sent at the given paces, after the worker has started."""
    topic = _topic(settings)
    warm = load.keep_sending(settings, topic, [Pace("warm-{}", 100, 500)], 1.0)
    expected = warm + sum(int(pace.per_second * seconds) for pace in paces)
    task = _task(settings, topic, "bytes", records=int(expected * 0.999), wait_ms=wait_ms, timed=timed)
    sender = threading.Timer(WARM_SECONDS, load.keep_sending, (settings, topic, paces, seconds + 0.5))
    sender.start()
    try:
        return answer(module("bench.harness.stage_process", task), Measured, seconds + MAX_SECONDS)
    finally:
        sender.join()


def _task(settings: KafkaSettings, topic: str, kind: Kind, **options: Any) -> Task:
    name = f"b{uuid.uuid4().hex[:8]}"
    return Task(bootstrap_servers=settings.bootstrap_servers, name=name, reads=topic, kind=kind, **options)


def _topic(settings: KafkaSettings) -> str:
    topic = f"bench.{uuid.uuid4().hex[:8]}"
    clients.create_topics(clients.admin(settings), [topics.Topic(topic, "uploads")], 1)
    return topic


if __name__ == "__main__":
    typer.run(main)
