"""The state of models of Custom Labels."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.streams.aws.custom_models import CHECK_SECONDS, CustomModels
from headrace.streams.errors import PermanentError, RetryAt

PROJECT = "arn:aws:rekognition:us-east-1:111122223333:project/cars/1700000000000"
ARN = "arn:aws:rekognition:us-east-1:111122223333:project/cars/version/1/1700000001000"


class FakeAws:
    """Answers with the states of a version, one a call, and keeps the calls."""

    def __init__(self, *states: str) -> None:
        self.states = list(states)
        self.operations: list[str] = []

    async def call(self, service: str, operation: str, **_: Any) -> dict[str, Any]:
        self.operations.append(operation)
        state = self.states.pop(0)
        return {"ProjectVersionDescriptions": [{"ProjectVersionArn": ARN, "Status": state}] if state else []}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def models(aws: FakeAws, clock: Clock) -> CustomModels:
    return CustomModels(aws, clock)  # type: ignore[arg-type]


async def test_running_model_is_asked_about_once_a_minute() -> None:
    aws, clock = FakeAws("RUNNING", "STOPPED"), Clock()
    found = models(aws, clock)
    assert [await found.running(PROJECT, "1") for _ in range(3)] == [ARN] * 3
    assert len(aws.operations) == 1
    clock.now += CHECK_SECONDS
    with pytest.raises(PermanentError, match="STOPPED"):
        await found.running(PROJECT, "1")


async def test_model_that_does_not_run_is_asked_about_each_time_and_never_started() -> None:
    aws = FakeAws("STARTING", "STOPPED", "FAILED", "", "RUNNING")
    found = models(aws, Clock())
    with pytest.raises(RetryAt) as waiting:
        await found.running(PROJECT, "1")
    assert (waiting.value.code, waiting.value.after) == ("model_starting", 60.0)
    for _ in range(3):
        with pytest.raises(PermanentError) as refused:
            await found.running(PROJECT, "1")
        assert refused.value.code == "model_not_running"
    assert await found.running(PROJECT, "1") == ARN
    assert set(aws.operations) == {"describe_project_versions"}
