"""Count what a pipeline uses for some files: records and bytes by topic, AWS calls by stage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from headrace.console.assets.read_service import ReadService
from headrace.console.kafka.log_reader import LogReader
from headrace.console.kafka.offsets import TopicAndPartition
from headrace.console.pipeline.record_size import record_bytes
from tests.support.otlp_receiver import ReceivedSpan

WORKER = "headrace-worker"

Ends = Mapping[TopicAndPartition, int]
"""The end of each partition."""


@dataclass
class TopicUsage:
    """The records of each topic, and their bytes in Kafka's record format, without compression.

    `repeated` counts those with the id of an earlier record: the result of a redelivery.
    """

    records: Counter[str] = field(default_factory=Counter)
    size: Counter[str] = field(default_factory=Counter)
    repeated: int = 0


def ends(log: LogReader, names: Collection[str]) -> Ends:
    """Return the current end of each partition of topics."""
    return {place: span.high for place, span in log.spans(names).items()}


def topic_usage(log: LogReader, since: Ends) -> TopicUsage:
    """Count the records after the given ends."""
    usage, seen = TopicUsage(), set[tuple[str, str]]()
    for entry in log.read({topic for topic, _ in since}):
        record = entry.record
        if record.offset >= since.get((record.topic, record.partition), 0):
            if entry.envelope is not None:
                usage.repeated += (record.topic, entry.envelope.id) in seen
                seen.add((record.topic, entry.envelope.id))
            usage.records[record.topic] += 1
            usage.size[record.topic] += record_bytes(record.key, record.value, record.headers)
    return usage


def calls_by_stage(spans: Iterable[ReceivedSpan]) -> Counter[tuple[str, str]]:
    """Count the AWS calls of workers by stage and operation, such as `S3.PutObject`."""
    of_workers = [span for span in spans if span.service == WORKER]
    names = {span.id: span.name for span in of_workers}
    called = (span for span in of_workers if span.kind == "client" and span.parent in names)
    return Counter((names[span.parent].partition(" ")[0], span.name) for span in called)


def is_idle(service: ReadService, waiting: bool = True) -> bool:
    """Whether every stage has ended every record; with `waiting`, also those on retry topics."""
    return all(not stage.lag and not (waiting and stage.waiting) for stage in service.status().stages)
