"""Tests that metrics hold no keys and no reasons."""

from __future__ import annotations

import logging

import pytest
from msgspec import structs
from prometheus_client import CollectorRegistry, generate_latest

from headrace.streams.engine import metrics as metrics_module
from headrace.streams.engine.metrics import OUTCOMES, StageMetrics
from headrace.streams.engine.outcome import Dead, Done, Retry
from tests.support.captured_logs import captured_logs
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


@pytest.mark.parametrize(
    ("quiet", "logged"), [(False, ["done", "retrying", "dead-lettered"]), (True, ["retrying", "dead-lettered"])]
)
def test_quiet_stage_logs_no_record_that_is_done(quiet: bool, logged: list[str]) -> None:
    with captured_logs(metrics_module, logging.INFO) as lines:
        metrics = StageMetrics("quiet-stage" if quiet else "loud-stage", quiet)
        for outcome in (Done(), Retry(1.0, "transient", ""), Dead("infected", "", "PermanentError")):
            metrics.record_outcome(received(uploaded()), outcome, 0.1)
    assert [line["event"] for line in lines] == logged
    assert sum(OUTCOMES.of("quiet-stage").outcomes.values()) == (3 if quiet else 0)
