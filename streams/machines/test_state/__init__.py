"""Test one state with an input, as the AWS API TestState does: a state alone, or a state of a machine.

Tasks, Map and Parallel states are answered by a mock.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from headrace.streams.machines.test_state.errors import TestStateError
from headrace.streams.machines.test_state.mock_schema import OutputShapes
from headrace.streams.machines.test_state.request import read_request
from headrace.streams.machines.test_state.run import run_state

__all__ = ["TestStateError", "answer_request"]


def answer_request(request: Mapping[str, Any], now: datetime, shapes: OutputShapes | None = None) -> dict[str, Any]:
    """Return the response to a request in the form of the AWS API. `now` has a time zone.

    `shapes` returns the API models that mocked results are compared with; without it they are not compared.

    Raises:
        TestStateError: AWS refuses the request.
    """
    checked = read_request(request, shapes)
    return run_state(checked, now).as_json(checked.level)
