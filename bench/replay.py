"""Measure dead-letter listing, redrive and rewind: `python -m bench.replay [--quick]`.

A redrive is timed from its start to the last acknowledgement, without a worker; the baseline is a bare producer with
the same records. A rewind is a stage that finds each result in its store and sends it; the baseline finds nothing to
send. The store is a local S3, or memory to exclude the time of the store.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bench.harness import load, report
from bench.harness.report import Spread
from bench.harness.stage_process import Kind
from bench.runner import TOPIC, kafka, run_ours, task_of
from headrace.console.dlq.parallel_scan import scan
from headrace.console.dlq.stats import LetterCounter, total
from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.kafka.topic_reader import TopicReader
from headrace.console.replay import journal
from headrace.console.replay.redrive import plan as redrive_plan
from headrace.console.replay.redrive import send
from headrace.console.replay.redrive.selection import SelectionCriteria
from headrace.console.replay.redrive.send import RedriveOptions
from headrace.sandbox.names import RESULTS_BUCKET
from headrace.schemas import topics
from headrace.schemas.cloudevents import PREFIX, EventMetadata
from headrace.schemas.ids import root_id
from headrace.schemas.kafka import clients as brokers
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.serde import codec
from headrace.schemas.serde.codec import to_producer_record
from headrace.streams.engine.dlq import dead_letter
from headrace.streams.engine.outcome import Dead
from headrace.streams.pipeline import get_stages, stages

LETTERS, REDRIVEN, AGAIN, FROM_S3 = 1_000_000, 200_000, 60_000, 3_000
COMMAND = Path(sys.executable).with_name("headrace")

SCAN = "its scan, as its progress bar shows it: letters/s"
PAGE_SECONDS, SCANNED, SENT_BACK, SHARE = 2.0, 100_000.0, 20_000.0, 0.7


def main(
    repetitions: Annotated[int, typer.Option(help="Repetitions of each measurement.")] = 5,
    quick: Annotated[bool, typer.Option(help="Use a tenth of the records and write no result.")] = False,
) -> None:
    """Measure, print the table and write the result. Exit code 1 if a target is missed."""
    share = 0.1 if quick else 1.0
    with kafka(("kafka", "aws")) as settings:
        _prepare(settings, int(LETTERS * share), int(AGAIN * share))
        rates: dict[str, list[float]] = {}
        # Redrives write dispositions, so all listings run before the first redrive.
        for measurements in (_listed(settings, int(LETTERS * share)), _replayed(settings, share)):
            for number in range(repetitions):
                print(f"round {number + 1} of {repetitions}", flush=True)
                for name, measure in measurements.items():
                    rates.setdefault(name, []).append(measure())
    spreads = {name: report.spread(values) for name, values in rates.items()}
    _print(spreads)
    if not quick:
        measured = {name: asdict(each) for name, each in spreads.items()}
        report.write(report.result("replay", measured, ("confluent-kafka", "faust-streaming")))
    _judge(spreads)


def _prepare(settings: KafkaSettings, listed: int, again: int) -> None:
    names = ("scan", "probe")
    brokers.create_topics(brokers.admin(settings), topics.table(names), 1)
    _send(settings, _letters("scan", listed))
    load.fill(settings, TOPIC, again)


def _listed(settings: KafkaSettings, letters: int) -> dict[str, Callable[[], float]]:
    return {
        "dlq list, first page: seconds": lambda: _seconds(settings, "dlq", "list"),
        "dlq stats, the whole command: letters/s": lambda: letters / _seconds(settings, "dlq", "stats"),
        SCAN: lambda: _scan(settings, letters),
    }


def _replayed(settings: KafkaSettings, share: float) -> dict[str, Callable[[], float]]:
    back, again, from_s3 = (int(each * share) for each in (REDRIVEN, AGAIN, FROM_S3))
    found: dict[str, Callable[[], float]] = {
        "redrive: letters/s": lambda: back / _redrive(settings, back),
        "a bare producer, the same records: records/s": lambda: back / _bare(settings, back),
    }
    for name, kind in REWINDS.items():
        found[f"rewind, store in memory: {name}"] = partial(_rewind, settings, kind, again)
    for name, kind in list(REWINDS.items())[:2]:
        found[f"rewind, store in S3: {name}"] = partial(_rewind, settings, kind, from_s3, RESULTS_BUCKET)
    return found


REWINDS: dict[str, Kind] = {
    "stored results sent again, records/s": "sent again",
    "looked up, nothing to be sent, records/s": "known",
    "not looked up, records/s": "not wanted",
}


def _rewind(settings: KafkaSettings, kind: Kind, records: int, bucket: str = "") -> float:
    return run_ours(task_of(settings, kind, records, bucket=bucket))


def _seconds(settings: KafkaSettings, *arguments: str) -> float:
    environment = {**os.environ, "HEADRACE_BOOTSTRAP_SERVERS": settings.bootstrap_servers}
    begun = time.perf_counter()
    subprocess.run([COMMAND, *arguments], env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def _scan(settings: KafkaSettings, letters: int) -> float:
    """Count all dead letters; return the rate between the first and the last progress report."""
    spans = TopicReader(settings).spans([topics.dead_letters("scan").name])
    reports: list[tuple[float, int]] = []
    stats = total(
        scan(settings, spans, partial(LetterCounter, {}), lambda each: reports.append((time.perf_counter(), each)))
    )
    if stats.records != letters:
        raise SystemExit(f"expected {letters} dead letters, found {stats.records}")
    return sum(each for _, each in reports[1:]) / (reports[-1][0] - reports[0][0])


def _redrive(settings: KafkaSettings, number: int) -> float:
    """Redrive `number` new dead letters; return the seconds it took."""
    _send(settings, _letters("probe", number))
    [stage] = get_stages(["probe"], stages())
    log = KafkaAdmin(settings)
    plan = redrive_plan.plan_redrive(log, stage, SelectionCriteria(), check_store=False)
    if len(plan.selected()) != number:
        raise SystemExit(f"expected {number} selected dead letters, found {len(plan.selected())}")
    action = journal.start_entry(
        "redrive", journal.StageGroup(stage.name, plan.group), "all dead letters", "a benchmark", number
    )
    begun = time.perf_counter()
    send.execute(log, plan, action, RedriveOptions(0.0, canary=0, wait=0.0))
    return time.perf_counter() - begun


def _bare(settings: KafkaSettings, number: int) -> float:
    sent = [ProducerRecord("probe.retry", each.key, each.value, each.headers) for each in _letters("probe", number)]
    begun = time.perf_counter()
    _send(settings, iter(sent))
    return time.perf_counter() - begun


def _send(settings: KafkaSettings, messages: Iterator[ProducerRecord]) -> None:
    producer = brokers.producer(settings)
    for each in messages:
        headers: Any = list(each.headers)
        while True:
            try:
                producer.produce(each.topic, each.value, each.key, headers=headers)
                break
            except BufferError:
                producer.poll(0.05)
    if producer.flush(120):
        raise SystemExit("the broker did not accept the records")


def _letters(stage: str, number: int) -> Iterator[ProducerRecord]:
    """Yield dead letters of as many uploads, each with its own id."""
    event = load.upload(0, 0)
    envelope = EventMetadata(root_id(event.asset, load.EVENT), "aws:s3", PREFIX + event.EVENT, "2026-03-14T15:09:26Z")
    sent = to_producer_record(event, envelope, codec.load())
    record = ConsumerRecord("media.uploaded", 0, 0, 1e9, sent.key, sent.value, sent.headers)
    dead = Dead("unreadable", "not a readable video file: the file is truncated", "PermanentError")
    model = dead_letter(get_stages([stage], stages())[0], record, dead, 1, load.NOW)
    for each in range(number):
        own = ("ce_id", uuid.uuid4().hex.encode())
        headers = tuple(own if header[0] == "ce_id" else header for header in model.headers)
        yield ProducerRecord(model.topic, f"headrace-media/{each % 5000:05}.mp4".encode(), model.value, headers)


def _print(spreads: dict[str, Spread]) -> None:
    table = Table("", "median", "half of the runs within", box=None)
    for name, each in spreads.items():
        form = ",.2f" if "seconds" in name else ",.0f"
        table.add_row(name, f"{each.median:{form}}", f"{each.lower:{form}} to {each.upper:{form}}")
    Console(width=120).print(table)


def _judge(spreads: dict[str, Spread]) -> None:
    again, known = (spreads[f"rewind, store in S3: {name}"].median for name in list(REWINDS)[:2])
    checks = {
        f"a page within {PAGE_SECONDS:g} s": spreads["dlq list, first page: seconds"].median <= PAGE_SECONDS,
        f"a scan of {SCANNED:,.0f} letters/s": spreads[SCAN].median >= SCANNED,
        f"{SENT_BACK:,.0f} letters/s sent back": spreads["redrive: letters/s"].median >= SENT_BACK,
        f"{SHARE:.0%} of the rate without sending": again >= SHARE * known,
    }
    report.judge(checks)


if __name__ == "__main__":
    typer.run(main)
