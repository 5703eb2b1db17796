"""Rates of operations that stages call, and of those that only tasks of state machines call."""

from __future__ import annotations

from headrace.streams.stage import Stage
from headrace.streams.stages import labels, machine_tasks
from headrace.streams.worker.rate_shares import rate_shares

SHARES = {"labels": 0.5, "machine-tasks": 0.25}


def share(stage: Stage) -> float:
    return SHARES[stage.name]


def test_tasks_of_machines_share_rates_between_workers() -> None:
    found = rate_shares([labels.STAGE, machine_tasks.STAGE], ["dynamodb.get_item", "rekognition.detect_labels"], share)
    assert found["dynamodb.get_item"]() == 0.25
    assert found["rekognition.detect_labels"]() == 0.5


def test_without_tasks_only_operations_of_stages_have_a_share() -> None:
    assert "dynamodb.get_item" not in rate_shares([labels.STAGE], ["dynamodb.get_item"], share)
