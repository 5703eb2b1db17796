"""How a record came to a stage, as far as the reuse of results depends on it."""

from __future__ import annotations

from datetime import UTC, datetime

from headrace.schemas.messages import ConsumerRecord
from headrace.streams.engine.headers import MAX_TIMESTAMP_MS, record_history, replay_headers
from headrace.streams.reuse.reuse import RecordArrival


def arrival_of(received: ConsumerRecord) -> RecordArrival:
    """Return how often a record has been deferred, and when it first arrived. A redriven record has not waited."""
    history = record_history(received)
    if replay_headers(received):
        return RecordArrival(history.waits)
    seconds = min(max(history.timestamp, 0.0), MAX_TIMESTAMP_MS / 1000)
    return RecordArrival(history.waits, datetime.fromtimestamp(seconds, UTC))
