"""Tests that metrics hold no keys and no reasons."""

from __future__ import annotations

from msgspec import structs
from prometheus_client import CollectorRegistry, generate_latest

from headrace.streams.engine.metrics import OUTCOMES, StageMetrics
from headrace.streams.engine.outcome import Dead, Retry
from tests.support.records import received, uploaded


def test_metrics_contain_no_keys_and_no_reasons() -> None:
    record = structs.replace(received(uploaded()), key=b"media/k?X-Amz-Signature=CANARY")
    metrics = StageMetrics("canary-stage")
    metrics.record_outcome(record, Dead("infected", "token=CANARY", "PermanentError"), 0.1)
    metrics.record_outcome(record, Retry(1.0, "transient", "password=CANARY"), 0.1)
    registry = CollectorRegistry()
    registry.register(OUTCOMES)
    text = generate_latest(registry).decode()
    assert 'headrace_records_total{code="infected",outcome="dead-lettered",stage="canary-stage"} 1.0' in text
    assert "CANARY" not in text
