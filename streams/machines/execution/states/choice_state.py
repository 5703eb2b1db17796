"""Choice: the first rule that matches decides which state follows."""

from __future__ import annotations

from headrace.streams.machines.definition.model import ChoiceRule, ChoiceState
from headrace.streams.machines.errors import RUNTIME, StatesError
from headrace.streams.machines.execution.data_flow import (
    Environment,
    chosen,
    effective_input,
    environment,
    jsonata,
    without_result,
)
from headrace.streams.machines.execution.draft import Draft
from headrace.streams.machines.execution.flow import leave
from headrace.streams.machines.execution.record import FlowBranch
from headrace.streams.machines.expressions.scope import Scope
from headrace.streams.machines.json_types import Json

NOT_MATCHED = "Failed to transition out of the state. The state does not point to a next state."


def run_choice(draft: Draft, branch: FlowBranch, state: ChoiceState) -> None:
    """Run the state.

    Raises:
        StatesError: An expression fails, or no rule matches and there is no default.
    """
    env = environment(draft, branch)
    effective = effective_input(state.data, env)
    rule = matching_rule(state, env, effective)
    if rule is not None:
        completed = chosen(state.data, env, effective, rule)
        leave(draft, branch, state, completed, rule.next)
    elif state.default is not None:
        leave(draft, branch, state, without_result(state.data, env, effective), state.default)
    else:
        raise StatesError(RUNTIME, NOT_MATCHED)


def matching_rule(state: ChoiceState, env: Environment, effective: Json) -> ChoiceRule | None:
    """Return the first rule that matches.

    Raises:
        StatesError: An expression fails.
    """
    scope = Scope(effective, env.context, env.variables)
    for index, rule in enumerate(state.rules):
        if isinstance(rule.condition, bool):
            matches = rule.condition
        elif isinstance(rule.condition, str):
            matches = jsonata(rule.condition, env, {}, f"Choices[{index}]/Condition", ("boolean",))
        else:
            matches = rule.condition.matches(scope)
        if matches:
            return rule
    return None
