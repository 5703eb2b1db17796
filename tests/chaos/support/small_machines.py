"""Generated machines that run in reasonable time on real brokers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from typing import Any

from headrace.streams.executions.arns import execution_arn
from tests.chaos.support.machine_chaos import INPUT, answer
from tests.chaos.support.machine_findings import ARN, LIMITS
from tests.unit.streams.executions.fake_log import FakeLog, FakeWorker, LongRunError
from tests.unit.streams.machines.execution.random_machines import MachineMaker

MOST_STEPS = 200
"""Steps of a machine in memory; those with more are left out."""


def small_machines(seed: int, count: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield executions with their definitions; machines that run for long are left out."""
    seed, found = seed * 1_000_000, 0
    while found < count:
        seed += 1
        definition = _prepared(MachineMaker(random.Random(seed)).machine())
        if not _is_small(definition):
            continue
        found += 1
        yield execution_arn(f"{ARN}chaos-{seed}", "e"), definition


def _is_small(definition: dict[str, Any]) -> bool:
    log = FakeLog()
    log.start(log.deploy(definition), INPUT, limits=LIMITS)
    try:
        asyncio.run(FakeWorker(log, answer).run(MOST_STEPS))
    except LongRunError:
        return False
    return True


def _prepared(value: Any) -> Any:
    """Return a definition whose tasks say which state they belong to, and whose times are short."""
    if isinstance(value, list):
        return [_prepared(each) for each in value]
    if not isinstance(value, dict):
        return value
    state = {name: _prepared(each) for name, each in value.items()}
    if state.get("Type") == "Task":
        waits = state["Resource"].endswith(".waitForTaskToken")
        state["Parameters"] = {"state.$": "$$.State.Name"} | ({"token.$": "$$.Task.Token"} if waits else {})
        if not waits:
            state["Resource"] = "arn:aws:states:::aws-sdk:rekognition:detectLabels"
        state.pop("TimeoutSeconds", None)
        state.pop("HeartbeatSeconds", None)
    if state.get("Type") == "Wait":
        state["Seconds"] = min(1, state["Seconds"])
    state.pop("ItemReader", None)
    return state
