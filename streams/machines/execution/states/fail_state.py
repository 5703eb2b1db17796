"""Fail: ends its flow with an error."""

from __future__ import annotations

from headrace.streams.machines.definition.model import FailState
from headrace.streams.machines.definition.values import DynamicValue
from headrace.streams.machines.errors import RUNTIME, StatesError
from headrace.streams.machines.execution.data_flow import Environment, environment, evaluate
from headrace.streams.machines.execution.draft import Draft, StateFailure
from headrace.streams.machines.execution.failures import fail_branch
from headrace.streams.machines.execution.record import FlowBranch
from headrace.streams.machines.json_text import compact


def run_fail(draft: Draft, branch: FlowBranch, state: FailState) -> None:
    """Run the state.

    Raises:
        StatesError: An expression fails, or its value is not a string.
    """
    env = environment(draft, branch)
    error = _text(state.error, env)
    cause = _text(state.cause, env)
    fail_branch(draft, branch, StateFailure(error, cause))


def _text(value: DynamicValue | None, env: Environment) -> str | None:
    if value is None:
        return None
    text = evaluate(value, env, env.input, "string")
    if not isinstance(text, str):
        raise StatesError(RUNTIME, f"The {value.field} field must refer to a string value but was: {compact(text)}")
    return text
