"""Compile a definition: JSON to the records of `model`.

Validation with the codes and messages of AWS is in `validation`. This module refuses what cannot run at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast, get_args

from headrace.streams.machines.definition.checks import require_targets
from headrace.streams.machines.definition.fields import DefinitionFields
from headrace.streams.machines.definition.map_state import map_state
from headrace.streams.machines.definition.model import (
    ChoiceRule,
    ChoiceState,
    FailState,
    Flow,
    Machine,
    MapState,
    ParallelState,
    PassState,
    QueryLanguage,
    State,
    SucceedState,
    TaskState,
    WaitState,
)
from headrace.streams.machines.definition.recovery import catchers_of, retriers_of
from headrace.streams.machines.definition.values import DataFields, JsonataFields, PathFields
from headrace.streams.machines.errors import DefinitionError
from headrace.streams.machines.expressions.conditions.condition import compile_condition
from headrace.streams.machines.expressions.scope import MISSING
from headrace.streams.machines.json_types import Json

AddFlow = Callable[[DefinitionFields], int]


def parse_machine(definition: Json) -> Machine:
    """Return the compiled definition.

    Raises:
        DefinitionError: The definition cannot run.
    """
    language = _language(DefinitionFields(definition, "", "JSONPath"), "JSONPath")
    root = DefinitionFields(definition, "", language)
    pending = [root]
    flows: list[Flow] = []

    def add_flow(fields: DefinitionFields) -> int:
        pending.append(fields)
        return len(pending) - 1

    while len(flows) < len(pending):
        flows.append(_flow(pending[len(flows)], language, add_flow))
    timeout = root.number("TimeoutSeconds", None)
    return Machine(tuple(flows), language, timeout, root.optional_text("Comment") or "")


def _language(fields: DefinitionFields, default: QueryLanguage) -> QueryLanguage:
    language = fields.optional_text("QueryLanguage") or default
    if language not in get_args(QueryLanguage):
        raise fields.error("QueryLanguage", "expected JSONPath or JSONata")
    return cast(QueryLanguage, language)


def _flow(fields: DefinitionFields, machine_language: QueryLanguage, add_flow: AddFlow) -> Flow:
    """Return a compiled flow. Its states use the language of the machine unless they name another."""
    language = _language(fields, machine_language)
    states: dict[str, State] = {}
    for name, raw in fields.mapping("States").items():
        location = f"{fields.location}/States/{name}"
        own = _language(DefinitionFields(raw, location, language), language)
        state = _state(name, DefinitionFields(raw, location, own), add_flow)
        states[name] = state
    start_at = fields.text("StartAt")
    require_targets([start_at], states, f"{fields.location}/StartAt")
    for name, state in states.items():
        require_targets(_targets(state), states, f"{fields.location}/States/{name}")
    return Flow(start_at, states)


def _targets(state: State) -> list[str | None]:
    """Return the names of all states that can follow a state."""
    if isinstance(state, ChoiceState):
        return [*(rule.next for rule in state.rules), state.default]
    if isinstance(state, TaskState | ParallelState | MapState):
        return [state.next, *(catcher.next for catcher in state.catchers)]
    return [state.next] if isinstance(state, PassState | WaitState) else []


def _state(name: str, state: DefinitionFields, add_flow: AddFlow) -> State:
    kind = state.text("Type")
    data = _data(state)
    if kind == "Choice":
        return _choice(name, data, state)
    if kind == "Succeed":
        return SucceedState(name, data)
    if kind == "Fail":
        return FailState(name, data, state.rendered_value("Error"), state.rendered_value("Cause"))
    following = _next(state)
    if kind == "Pass":
        result = MISSING if state.is_jsonata else state.literal("Result")
        return PassState(name, following, data, result)
    if kind == "Wait":
        return _wait(name, following, data, state)
    if kind == "Task":
        return _task(name, following, data, state)
    if kind == "Parallel":
        branches = tuple(add_flow(branch) for branch in state.objects("Branches"))
        return ParallelState(name, following, data, branches, retriers_of(state), catchers_of(state))
    if kind == "Map":
        return map_state(name, following, data, state, add_flow)
    raise state.error("Type", f"'{kind}' is not a type of state")


def _next(state: DefinitionFields) -> str | None:
    """Return the state that follows; None if the state ends its flow."""
    following = state.optional_text("Next")
    if (following is None) != (state.raw.get("End") is True):
        raise DefinitionError(f'{state.location}: exactly one of Next and "End": true is required')
    return following


def _data(state: DefinitionFields) -> DataFields:
    if state.is_jsonata:
        return JsonataFields(state.literal("Arguments"), state.literal("Output"), state.jsonata_assignments())
    is_map = state.text("Type") == "Map"
    return PathFields(
        input_path=state.path("InputPath"),
        parameters=None if is_map else state.template("Parameters"),
        result_selector=state.template("ResultSelector"),
        result_path=state.result_path(),
        output_path=state.path("OutputPath"),
        assign=state.template_assignments(),
    )


def _task(name: str, following: str | None, data: DataFields, state: DefinitionFields) -> TaskState:
    return TaskState(
        name=name,
        next=following,
        data=data,
        resource=state.text("Resource"),
        timeout=state.value("TimeoutSeconds"),
        heartbeat=state.value("HeartbeatSeconds"),
        credentials=state.payload("Credentials"),
        retriers=retriers_of(state),
        catchers=catchers_of(state),
    )


def _wait(name: str, following: str | None, data: DataFields, state: DefinitionFields) -> WaitState:
    seconds, timestamp = state.value("Seconds"), state.value("Timestamp")
    if (seconds is None) == (timestamp is None):
        raise DefinitionError(f"{state.location}: exactly one of Seconds, SecondsPath, Timestamp, TimestampPath")
    return WaitState(name, following, data, seconds, timestamp)


def _choice(name: str, data: DataFields, state: DefinitionFields) -> ChoiceState:
    rules = tuple(
        ChoiceRule(
            condition=rule.condition() if state.is_jsonata else rule.compiled("", compile_condition, rule.raw),
            next=rule.text("Next"),
            output=rule.literal("Output"),
            assign=rule.assignments(),
        )
        for rule in state.objects("Choices")
    )
    return ChoiceState(name, data, rules, state.optional_text("Default"))
