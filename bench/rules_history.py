"""Measure `headrace rules try`: `python -m bench.rules_history`, or `make bench-rules`. Exit code 1 below the target.

One core, from the bytes of a record, value and headers, to the pairs of rules that it counts to. Beside it the same
rules on the whole decoded event, one pattern after the other, as a worker evaluates them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.codec import LABELLED, UPLOADED
from bench.harness import report
from headrace.console.routing.history.pairs import RulePair, pair_rules
from headrace.console.routing.history.payloads import event_of
from headrace.console.routing.history.scan import RuleScan
from headrace.console.routing.history.tally import Comparison, TopicProgress
from headrace.schemas.cloudevents import PREFIX, EventMetadata
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.records import AwsEvent, Event
from headrace.schemas.serde import codec
from headrace.schemas.serde.codec import to_producer_record
from headrace.streams.routing.rule import Rule, read_text

TARGET = 100_000
RECORDS, BATCH, REPETITIONS, RULES = 4_000, 200, 15, 20
BODY = '{"version":"0","id":"1","detail-type":"Object Created","source":"aws.s3","detail":{"object":{"size":5}}}'
CODEC = codec.load()


def main() -> None:
    """Measure, print and write the result."""
    aws = AwsEvent(source="aws.s3", detail_type="Object Created", occurred_at=UPLOADED.uploaded_at, body=BODY)
    found = {
        "MediaUploaded": _measure(UPLOADED, '{{ detail = {{ asset = {{ key = [{{ prefix = "{n}/" }}] }} }} }}'),
        "MediaLabelled": _measure(LABELLED, '{{ detail = {{ asset = {{ key = [{{ prefix = "{n}/" }}] }} }} }}'),
        "MediaLabelled, by its labels": _measure(LABELLED, '{{ detail = {{ labels = {{ name = ["L{n}"] }} }} }}'),
        "AwsEvent": _measure(aws, '{{ detail = {{ object = {{ size = [{{ numeric = [">", {n}] }}] }} }} }}'),
    }
    report.write(report.result("rules_history", found, ("fastavro", "msgspec")) | {"rules": RULES})
    table = Table("records/s on one core", "rules try", "one after the other", box=None)
    for name, each in found.items():
        table.add_row(name, f"{each['records_a_second']['median']:,.0f}", f"{each['one_after_the_other']:,}")
    Console(width=120).print(table)
    if found["MediaUploaded"]["records_a_second"]["median"] < TARGET:
        raise SystemExit(f"missed: {TARGET:,} uploads/s")


def _measure(event: Event, pattern: str) -> dict[str, Any]:
    topic, record = _record(event)
    active = [_rule(f"r{n}", topic, pattern.format(n=n)) for n in range(RULES)]
    pairs = pair_rules(active, [_rule(f"r{n}", topic, pattern.format(n=n + 1)) for n in range(RULES)], False)
    batch = [record] * BATCH
    rates = [_rate(lambda: _scan(pairs, topic, batch)) for _ in range(REPETITIONS)]
    alone = [_rate(lambda: _one_after_the_other(pairs, batch)) for _ in range(3)]
    return {"records_a_second": asdict(report.spread(rates)), "one_after_the_other": round(max(alone))}


def _rate(work: Callable[[], None]) -> float:
    begun = time.process_time()  # which stands still while another process has the core
    work()
    return RECORDS / (time.process_time() - begun)


def _scan(pairs: Sequence[RulePair], topic: str, batch: Sequence[ConsumerRecord]) -> None:
    scan = RuleScan(pairs, Comparison("", 0.0, [], [{} for _ in pairs], {topic: TopicProgress()}), CODEC)
    for _ in range(RECORDS // BATCH):
        scan.take(batch)


def _one_after_the_other(pairs: Sequence[RulePair], batch: Sequence[ConsumerRecord]) -> None:
    rules = [rule for pair in pairs for rule in (pair.active, pair.candidate) if rule is not None]
    for _ in range(RECORDS // BATCH):
        for record in batch:
            event = event_of(record, CODEC) or {}
            [rule.matcher.matches(event) for rule in rules]


def _rule(name: str, topic: str, pattern: str) -> Rule:
    return read_text(name, f'reads = ["{topic}"]\npattern = {pattern}\n[target]\ntopic = "copies"\n', ())


def _record(event: Event) -> tuple[str, ConsumerRecord]:
    metadata = EventMetadata("17793124-05d4-b198-2fde-000000000001", "headrace/bridge", PREFIX + event.EVENT, "2026")
    sent = to_producer_record(event, metadata, CODEC)
    return sent.topic, ConsumerRecord(sent.topic, 0, 0, 1.0, sent.key, sent.value, sent.headers)


if __name__ == "__main__":
    main()
