"""The metrics beside the projector."""

from __future__ import annotations

import random
import urllib.request

import pytest
from prometheus_client import CollectorRegistry

from headrace.console.assets.stage_status import StageStatus
from headrace.console.views.metrics import ViewsCollector, serving_metrics
from headrace.sandbox.cluster.ports import free_port
from headrace.schemas.runtime.metrics_settings import MetricsSettings
from tests.support.process import wait_for

LABELS = StageStatus("labels", "headrace.labels", 0, 12, 90.0, 3, 100, 4, 5)


def test_lag_grows_until_the_log_is_read() -> None:
    now = 100.0
    registry = CollectorRegistry()
    collector = ViewsCollector(lambda: now)
    registry.register(collector)
    now = 160.0
    collector.stepped(is_caught_up=False)
    collector.progressed([LABELS])
    assert registry.get_sample_value("headrace_views_lag_seconds") == 60
    collector.stepped(is_caught_up=True)
    assert registry.get_sample_value("headrace_views_lag_seconds") == 0
    stage = {"stage": "labels"}
    values = {
        name: registry.get_sample_value(f"headrace_{name}", stage)
        for name in ("backlog_records", "oldest_unfinished_seconds", "waiting_records", "group_members")
    }
    assert list(values.values()) == [12, 90, 3, 0]


def test_progress_that_cannot_be_read_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    answers = iter([RuntimeError("no broker")])

    def read() -> list[StageStatus]:
        raise next(answers)

    port = free_port(None, [], random.Random())
    with serving_metrics(MetricsSettings(metrics_port=port), read):
        wait_for(lambda: "no broker" in "".join(capsys.readouterr()), "the log line")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            assert "headrace_cluster_status_age_seconds" in answer.read().decode()


def test_nothing_is_served_without_a_port() -> None:
    with serving_metrics(MetricsSettings(metrics_port=0), lambda: pytest.fail("not read")) as collector:
        assert isinstance(collector, ViewsCollector)
