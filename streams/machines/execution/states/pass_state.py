"""Pass: the result is a literal, or the input."""

from __future__ import annotations

from headrace.streams.machines.definition.model import PassState
from headrace.streams.machines.definition.values import JsonataFields
from headrace.streams.machines.execution.data_flow import (
    effective_input,
    environment,
    with_result,
    without_result,
    work_input,
)
from headrace.streams.machines.execution.draft import Draft
from headrace.streams.machines.execution.flow import leave
from headrace.streams.machines.execution.record import FlowBranch
from headrace.streams.machines.expressions.scope import Missing


def run_pass(draft: Draft, branch: FlowBranch, state: PassState) -> None:
    """Run the state.

    Raises:
        StatesError: An expression fails.
    """
    env = environment(draft, branch)
    if isinstance(state.data, JsonataFields):
        completed = without_result(state.data, env, env.input)
    elif isinstance(state.result, Missing):
        completed = with_result(state.data, env, work_input(state.data, env))
    else:
        effective_input(state.data, env)
        completed = with_result(state.data, env, state.result)
    leave(draft, branch, state, completed, state.next)
