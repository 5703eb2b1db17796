"""The data of one visit of a state: input, output, variables, and what its attempts sent and received."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.console.machines import payloads
from headrace.console.machines.payloads import Details
from headrace.console.machines.port import MachineServices
from headrace.console.views.queries.executions import StoredExecution
from headrace.schemas.parsing import InvalidValueError, parse_json

MOST_EVENTS = 500


@dataclass(frozen=True, slots=True)
class StateEvent:
    """An event of a state between its begin and its end. `at` is in seconds since 1970."""

    id: int
    at: float
    type: str
    details: Details


@dataclass(frozen=True, slots=True)
class StateData:
    """`variables` are those before the state, `assigned` what it assigns. `output` is empty until the state ends."""

    input: Details
    output: Details
    variables: Mapping[str, Any]
    assigned: Mapping[str, Any]
    events: tuple[StateEvent, ...]


def state_data(services: MachineServices, execution: StoredExecution, visit: int) -> StateData:
    """Return the data of a visit. `input` and `output` have the member of this name if the value is known."""
    found: dict[str, Details] = {"input": {}, "output": {}}
    assigned: Mapping[str, Any] = {}
    events: list[StateEvent] = []
    for event in services.reader.visit_events(execution.arn, visit, MOST_EVENTS):
        details = payloads.details_of(services, event)
        if event.type.endswith("StateEntered"):
            found["input"] = _member(details, "input")
        elif event.type.endswith("StateExited"):
            found["output"] = _member(details, "output")
            assigned = _assigned(details)
        elif not event.type.startswith("Execution"):
            events.append(StateEvent(event.id, event.at, event.type, details))
    variables = _variables(services, execution, visit)
    return StateData(found["input"], found["output"], variables, assigned, tuple(events))


def _variables(services: MachineServices, execution: StoredExecution, visit: int) -> dict[str, Any]:
    """Return the variables that a state sees: those that the states before it assigned last."""
    variables: dict[str, Any] = {}
    for event in services.reader.earlier_exits(execution.arn, visit):
        if "assignedVariables" in event.details or event.pointer:
            for name, value in _assigned(payloads.details_of(services, event)).items():
                variables.setdefault(name, value)
    return dict(sorted(variables.items()))


def _member(details: Details, name: str) -> Details:
    return {name: details[name]} if name in details else {}


def _assigned(details: Details) -> dict[str, Any]:
    """Return the assigned variables; a history has their values as JSON texts."""
    texts = details.get("assignedVariables")
    return {name: _value(text) for name, text in texts.items()} if isinstance(texts, dict) else {}


def _value(text: Any) -> Any:
    try:
        return parse_json(text) if isinstance(text, str) else text
    except InvalidValueError:
        return text
