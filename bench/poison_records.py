"""Measure how undecodable records slow down other records: `python -m bench.poison_records [--quick]`.

Two topics hold the same uploads; in one, undecodable records of every kind precede them, one per hundred uploads, each
with its own key. A stage processes each topic from the start, with its store in memory. A running stage then shows the
time from record to dead letter, by the broker's timestamps.
"""

from __future__ import annotations

import itertools
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Annotated, Any

import typer

from bench.harness import load, report
from bench.runner import kafka, run_ours, task_of
from headrace.console.kafka.admin import KafkaAdmin
from headrace.schemas import topics
from headrace.schemas.cloudevents import PREFIX, EventMetadata, to_headers
from headrace.schemas.ids import root_id
from headrace.schemas.kafka import clients as brokers
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.serde import codec

RECORDS = 120_000
ONE_IN = 100
SHARE, SECONDS = 0.8, 5.0
LIVE = 60
POLL_SECONDS = 0.2
PURE, POISONED = "bench.pure", "bench.poisoned"


def main(
    repetitions: Annotated[int, typer.Option(help="Repetitions of each measurement.")] = 5,
    quick: Annotated[bool, typer.Option(help="Use a tenth of the records and write no result.")] = False,
) -> None:
    """Measure, print and write the result. Exit code 1 if a target is missed."""
    records = RECORDS // 10 if quick else RECORDS
    pure, poisoned, slowest = list[float](), list[float](), list[float]()
    with kafka() as settings:
        load.fill(settings, PURE, records)
        brokers.create_topics(brokers.admin(settings), [topics.Topic(POISONED, "uploads and poison")], 1)
        extra = _poison(settings, POISONED, records // ONE_IN)
        load.fill(settings, POISONED, records)
        for number in range(repetitions):
            print(f"round {number + 1} of {repetitions}", flush=True)
            pure.append(run_ours(task_of(settings, "stored", records, PURE)))
            task = task_of(settings, "stored", records + extra, POISONED)
            poisoned.append(run_ours(task))
            _letters(settings, task.name, extra)
            slowest.append(_live(settings, f"bench.live-{number}"))
    spreads = {
        "without poison: records/s": report.spread(pure),
        "one in a hundred is poison: records/s": report.spread(poisoned),
        "from the record to its letter, the slowest: seconds": report.spread(slowest),
    }
    for name, each in spreads.items():
        print(f"{name}: {each}")
    if not quick:
        measured = {name: asdict(each) for name, each in spreads.items()}
        report.write(report.result("poison", measured, ("faust-streaming", "confluent-kafka")))
    share = report.spread(poisoned).median / report.spread(pure).median
    if share < SHARE or max(slowest) > SECONDS:
        raise SystemExit(f"missed: {share:.0%} of the rate, the slowest letter after {max(slowest):.1f} s")


def _poison(settings: KafkaSettings, topic: str, number: int) -> int:
    """Produce undecodable records of every kind; return their number."""
    whole = codec.load().encode(load.upload(0, 0)) or b""
    kinds = (os.urandom(200), b"", None, b"\xc3\x02" + whole[2:], b"\xc3\x01" + bytes(8) + whole[10:], whole[:-20])
    producer = brokers.producer(settings)
    for each, value in zip(range(number), itertools.cycle(kinds), strict=False):
        event = load.upload(each, 0)
        envelope = EventMetadata(
            root_id(event.asset, load.EVENT), "aws:s3", PREFIX + event.EVENT, "2026-03-14T15:09:26Z"
        )
        headers: Any = list(to_headers(envelope))
        producer.produce(topic, value, f"poison-{each}".encode(), headers=headers)
    if producer.flush(60):
        raise SystemExit("the broker did not accept the records")
    return number


def _live(settings: KafkaSettings, topic: str) -> float:
    """Produce undecodable records for a running stage; return the seconds until the slowest dead letter."""
    load.fill(settings, topic, 1)
    task = task_of(settings, "stored", 1 + LIVE, topic)
    log = KafkaAdmin(settings)
    places = log.spans([topic])
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(run_ours, task)
        while not log.positions(f"headrace.{task.name}", places) and not running.done():
            time.sleep(POLL_SECONDS)
        _poison(settings, topic, LIVE)
        running.result()
    letters = _letters(settings, task.name, LIVE)
    return max(each.timestamp - int(dict(each.headers)["dlq-timestamp"] or b"0") / 1000 for each in letters)


def _letters(settings: KafkaSettings, stage: str, number: int) -> list[ConsumerRecord]:
    log = KafkaAdmin(settings)
    letters = [letter for batch in log.read(log.spans([topics.dead_letters(stage).name])) for letter in batch]
    if len(letters) != number:
        raise SystemExit(f"expected {number} dead letters, found {len(letters)}")
    return letters


if __name__ == "__main__":
    typer.run(main)
