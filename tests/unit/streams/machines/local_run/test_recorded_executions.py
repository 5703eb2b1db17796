"""The executions recorded from AWS: `tests/data/asl/README.md` describes their form and how they are compared."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from headrace.streams.machines.definition.parse import parse_machine
from headrace.streams.machines.local_run.batch import answer_line
from headrace.streams.machines.local_run.run import LocalSettings, run_locally

LINES = (Path(__file__).parents[4] / "data/asl/localstack-executions.jsonl").read_text("utf-8").splitlines()
CASES: dict[str, dict[str, Any]] = {case["name"]: case for case in map(json.loads, LINES)}
SETTINGS = LocalSettings(datetime(2026, 1, 1, tzinfo=UTC), echo=True)

OTHER_EVENTS = {
    "timeouts/test_timeouts.py::TestTimeouts::test_service_lambda_map_timeout": (
        "AWS processed the timeouts of all four iterations before the Map state failed with the first one. Here each "
        "timeout is a stimulus of its own, so the first one fails the state and the other tasks are aborted."
    )
}
"""Recorded executions whose history has other events, with the reason. Their result is equal."""


@pytest.mark.parametrize("name", CASES)
def test_result_is_the_recorded_one(name: str) -> None:
    case = CASES[name]
    answer = answer_line(json.dumps(case), SETTINGS)
    expected = case["expected"]
    assert answer["name"] == name
    assert answer["status"] == expected["status"]
    assert comparable(answer.get("output")) == comparable(expected.get("output"))
    assert answer.get("error") == expected.get("error")
    if "cause" in expected:
        assert comparable(answer.get("cause")) == comparable(expected["cause"])


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "aws_event_types" in case])
def test_history_has_the_recorded_events_in_their_order(name: str) -> None:
    case = CASES[name]
    outcome = run_locally(parse_machine(case["definition"]), case["input"], case.get("mocks", {}), SETTINGS)
    events = [event.type for event in outcome.events]
    assert (events == case["aws_event_types"]) == (name not in OTHER_EVENTS)


def test_every_exception_is_a_recorded_execution() -> None:
    assert OTHER_EVENTS.keys() <= CASES.keys()
    assert len(CASES) == 920


def comparable(value: Any) -> Any:
    """Return a value with each text that is JSON parsed: the recording parsed some of them."""
    if isinstance(value, str) and value.startswith(("{", "[")):
        try:
            return comparable(json.loads(value))
        except ValueError:
            return value
    if isinstance(value, dict):
        return {name: comparable(each) for name, each in value.items()}
    return [comparable(each) for each in value] if isinstance(value, list) else value
