"""Succeed: ends its flow with the input as output."""

from __future__ import annotations

from headrace.streams.machines.definition.model import SucceedState
from headrace.streams.machines.execution.data_flow import effective_input, environment, without_result
from headrace.streams.machines.execution.draft import Draft
from headrace.streams.machines.execution.flow import leave
from headrace.streams.machines.execution.record import FlowBranch


def run_succeed(draft: Draft, branch: FlowBranch, state: SucceedState) -> None:
    """Run the state.

    Raises:
        StatesError: An expression fails.
    """
    env = environment(draft, branch)
    leave(draft, branch, state, without_result(state.data, env, effective_input(state.data, env)), None)
