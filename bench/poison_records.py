"""What do records that nobody can read cost the others? `python -m bench.poison_records [--quick]`.

Two topics hold the same uploads; before them in one lies poison of every kind, one record for a hundred uploads, each
of a key of its own. A stage works each from the beginning, its store in memory. How long poison lives is then measured
with a stage that is at work when it comes, by the broker's times of the record and of its letter.
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
LOOK_SECONDS = 0.2
PURE, POISONED = "bench.pure", "bench.poisoned"


def main(
    repetitions: Annotated[int, typer.Option(help="How often each is measured.")] = 5,
    quick: Annotated[bool, typer.Option(help="A tenth of the records, and nothing is kept.")] = False,
) -> None:
    """Measure, print, keep the result; exit code 1 when a target is missed."""
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
    """Put poison of every kind on a topic, and say how much that is."""
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
        raise SystemExit("the broker does not take the records")
    return number


def _live(settings: KafkaSettings, topic: str) -> float:
    """Have a stage at work, put poison in, and give the seconds that the slowest letter took."""
    load.fill(settings, topic, 1)
    task = task_of(settings, "stored", 1 + LIVE, topic)
    log = KafkaAdmin(settings)
    places = log.spans([topic])
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(run_ours, task)
        while not log.positions(f"headrace.{task.name}", places) and not running.done():
            time.sleep(LOOK_SECONDS)
        _poison(settings, topic, LIVE)
        running.result()
    letters = _letters(settings, task.name, LIVE)
    return max(each.timestamp - int(dict(each.headers)["dlq-timestamp"] or b"0") / 1000 for each in letters)


def _letters(settings: KafkaSettings, stage: str, number: int) -> list[ConsumerRecord]:
    log = KafkaAdmin(settings)
    found = [letter for batch in log.read(log.spans([topics.dead_letters(stage).name])) for letter in batch]
    if len(found) != number:
        raise SystemExit(f"{len(found)} letters of {number} records that nobody can read")
    return found


if __name__ == "__main__":
    typer.run(main)
