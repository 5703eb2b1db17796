"""Run one state, and record its data after each step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from headrace.streams.machines.definition.fields import ROOT
from headrace.streams.machines.definition.model import (
    ChoiceState,
    FailState,
    MapState,
    ParallelState,
    PassState,
    State,
    SucceedState,
    TaskState,
    WaitState,
)
from headrace.streams.machines.definition.parse import parse_machine
from headrace.streams.machines.definition.values import DataFields, PathFields
from headrace.streams.machines.errors import RUNTIME, DefinitionError, StatesError
from headrace.streams.machines.execution.data_flow import (
    Environment,
    chosen,
    effective_input,
    evaluate,
    with_result,
    without_result,
    work_input,
)
from headrace.streams.machines.execution.states.choice_state import NOT_MATCHED, matching_rule
from headrace.streams.machines.expressions.scope import Entropy, Missing, Scope
from headrace.streams.machines.json_types import Json
from headrace.streams.machines.test_state.answer import StateAnswer
from headrace.streams.machines.test_state.context_object import made_up_context
from headrace.streams.machines.test_state.errors import TestStateError
from headrace.streams.machines.test_state.map_items import check_map
from headrace.streams.machines.test_state.recovery import recovered
from headrace.streams.machines.test_state.request import TestRequest


def run_state(request: TestRequest, now: datetime) -> StateAnswer:
    """Run the state of a request. `now` has a time zone.

    Raises:
        TestStateError: The definition is invalid, or the state calls a service and has no mock.
    """
    try:
        state = parse_machine(request.machine).flows[0].states[request.name]
    except DefinitionError as error:
        raise TestStateError("InvalidDefinition", f"Invalid State Machine Definition: {error}") from error
    kind = str(request.state.get("Type"))
    context = request.context
    if context is None:
        context = made_up_context(request.name, kind, request.input, request.role, now)
    env = Environment(request.input, context, request.variables, Entropy(now, 0))
    answer = StateAnswer(data={"input": request.input})
    if request.variables:
        answer.data["variables"] = dict(request.variables)
    try:
        _run(state, env, request, answer)
    except StatesError as error:
        answer.error, answer.cause = error.error, error.cause
        return _recovered(state, env, answer, request)
    return answer if answer.status == "SUCCEEDED" else _recovered(state, env, answer, request)


def _recovered(state: State, env: Environment, answer: StateAnswer, request: TestRequest) -> StateAnswer:
    try:
        return recovered(state, env, answer, request.configuration.retries)
    except StatesError as error:
        answer.status, answer.error, answer.cause = "FAILED", error.error, error.cause
        return answer


def _run(state: State, env: Environment, request: TestRequest, answer: StateAnswer) -> None:
    """Run a state. A state that fails by itself has the status FAILED afterwards.

    Raises:
        StatesError: An expression fails.
    """
    if isinstance(state, PassState):
        _run_pass(state, env, answer)
    elif isinstance(state, TaskState | MapState | ParallelState):
        _run_mocked(state, env, request, answer)
    else:
        effective = _inspected_input(state.data, env, answer)
        if isinstance(state, ChoiceState):
            _run_choice(state, env, effective, answer)
        elif isinstance(state, FailState):
            _run_fail(state, env, effective, answer)
        else:
            _run_timed(state, env, effective, answer)


def _inspected_input(data: DataFields, env: Environment, answer: StateAnswer) -> Json:
    effective = effective_input(data, env)
    if isinstance(data, PathFields):
        answer.data["afterInputPath"] = effective
    return effective


def _run_pass(state: PassState, env: Environment, answer: StateAnswer) -> None:
    data = state.data
    if not isinstance(data, PathFields):
        answer.complete(without_result(data, env, env.input), state.next)
        return
    if isinstance(state.result, Missing):
        _inspected_input(data, env, answer)
        result = answer.data["afterParameters"] = work_input(data, env)
    else:
        result = answer.data["result"] = state.result
    _finish(data, env, result, answer, state.next)


def _run_choice(state: ChoiceState, env: Environment, effective: Json, answer: StateAnswer) -> None:
    rule = matching_rule(state, env, effective)
    if rule is not None:
        answer.complete(chosen(state.data, env, effective, rule), rule.next)
    elif state.default is not None:
        answer.complete(without_result(state.data, env, effective), state.default)
    else:
        raise StatesError(RUNTIME, NOT_MATCHED)


def _run_fail(state: FailState, env: Environment, effective: Json, answer: StateAnswer) -> None:
    answer.status = "FAILED"
    answer.error = None if state.error is None else evaluate(state.error, env, effective, "string")
    answer.cause = None if state.cause is None else evaluate(state.cause, env, effective, "string")


def _run_timed(state: WaitState | SucceedState, env: Environment, effective: Json, answer: StateAnswer) -> None:
    if isinstance(state, WaitState):
        for value in (state.seconds, state.timestamp):
            if value is not None:
                evaluate(value, env, effective)
    next_state = state.next if isinstance(state, WaitState) else None
    answer.complete(without_result(state.data, env, effective), next_state)


def _run_mocked(
    state: TaskState | MapState | ParallelState, env: Environment, request: TestRequest, answer: StateAnswer
) -> None:
    """Run a state whose work is mocked. Parallel states show neither their input nor their result, as in AWS."""
    failure: tuple[str | None, str | None] | None = None
    if isinstance(state, TaskState):
        _inspected_input(state.data, env, answer)
        name = "afterParameters" if isinstance(state.data, PathFields) else "afterArguments"
        answer.data[name] = work_input(state.data, env)
    elif isinstance(state, MapState):
        failure = check_map(state, env, request, answer, _inspected_input(state.data, env, answer))
    else:
        work_input(state.data, env)
    if request.mock is None:
        raise TestStateError("ValidationException", "The state calls a service, which is not available: add a mock")
    if "errorOutput" in request.mock:
        error = request.mock["errorOutput"]
        failure = (error.get("error"), error.get("cause"))
    if failure is not None:
        answer.status = "FAILED"
        answer.error, answer.cause = failure
        return
    result = json.loads(request.mock.get("result", "null"))
    if isinstance(state, TaskState):
        answer.data["result"] = result
    _finish(state.data, env, result, answer, state.next)


def _finish(data: DataFields, env: Environment, result: Json, answer: StateAnswer, next_state: str | None) -> None:
    """Complete a state with a result, and record the steps of JSONPath."""
    if isinstance(data, PathFields):
        _inspect_result(data, env, result, answer.data)
    answer.complete(with_result(data, env, result), next_state)


def _inspect_result(data: PathFields, env: Environment, result: Json, steps: dict[str, Json]) -> None:
    variables: Mapping[str, Json] = env.variables
    selected = result
    if data.result_selector is not None:
        selected = data.result_selector.render(Scope(result, env.context, variables), env.entropy)
    steps["afterResultSelector"] = selected
    if data.result_path is None:
        selected = env.input
    elif data.result_path is not ROOT:
        selected = data.result_path.write(env.input, selected)
    steps["afterResultPath"] = selected
