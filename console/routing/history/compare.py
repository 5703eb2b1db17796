"""Read the log and compare rules on it, so that an interrupted comparison continues."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from headrace.console.dlq.parallel_scan import OnProgress
from headrace.console.kafka.topic_reader import TopicReader
from headrace.console.routing.history import tally
from headrace.console.routing.history.pairs import RulePair
from headrace.console.routing.history.scan import RuleScan
from headrace.console.routing.history.tally import Comparison, TopicProgress, Unread

SAVE_SECONDS = 5.0


def request_of(pairs: Sequence[RulePair], cluster: str, since: str, topics: Sequence[str]) -> str:
    """Return the identity of a comparison: the same rules over the same range of the same cluster."""
    rules = [[each and (each.name, each.version) for each in (pair.active, pair.candidate)] for pair in pairs]
    return hashlib.sha256(msgspec.json.encode([rules, cluster, since, list(topics)])).hexdigest()[:16]


def start(log: TopicReader, request: str, pairs: Sequence[RulePair], topics: Sequence[str], since: float) -> Comparison:
    """Return a new comparison of the records that the topics have now. Raises `KafkaException`."""
    spans = log.spans(topics, since)
    unread = [Unread(*place, span.low, span.high) for place, span in spans.items()]
    return Comparison(request, since, unread, [{} for _ in pairs], {name: TopicProgress() for name in topics})


def run(
    log: TopicReader,
    pairs: Sequence[RulePair],
    comparison: Comparison,
    path: Path,
    on_progress: OnProgress,
    is_stopped: Callable[[], bool],
) -> bool:
    """Compare the unread records; return whether all are compared. The state is saved at intervals and at the end.

    Raises:
        UnavailableError: Kafka stopped answering.
    """
    scan, saved = RuleScan(pairs, comparison, log.codec()), time.monotonic()
    try:
        for records in log.read(comparison.spans, values=True):
            scan.take(records)
            comparison.advance((records[0].topic, records[0].partition), records[-1].offset + 1)
            on_progress(len(records))
            if is_stopped():
                return False
            if time.monotonic() - saved > SAVE_SECONDS:
                tally.save(path, comparison)
                saved = time.monotonic()
    finally:
        tally.save(path, comparison)
    return True
