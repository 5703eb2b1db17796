"""Read and check a request of the AWS API TestState."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from headrace.streams.machines.json_types import Json
from headrace.streams.machines.test_state.context_object import check_context
from headrace.streams.machines.test_state.errors import TestStateError
from headrace.streams.machines.test_state.mock_schema import OutputShapes, check_mocked_result
from headrace.streams.machines.validation import validate

InspectionLevel = Literal["INFO", "DEBUG", "TRACE"]
MOCKABLE = ("Task", "Map", "Parallel")
STATE_NAME = "StateName"
"""The name of a state that is tested without its machine."""


_NEEDS_MOCK = (
    "TestState API does not support Map or Parallel states. "
    "Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]"
)


@dataclass(frozen=True, slots=True)
class StateConfiguration:
    """What happened before: retries of the matching retrier, and failed iterations of a distributed Map."""

    retries: int = 0
    failed_iterations: int = 0


@dataclass(frozen=True, slots=True)
class TestRequest:
    """A checked request. `machine` has the state alone, with its original fields."""

    __test__ = False

    name: str
    state: dict[str, Any]
    machine: dict[str, Any]
    input: Json
    level: InspectionLevel
    mock: Mapping[str, Any] | None
    context: Mapping[str, Json] | None
    variables: Mapping[str, Json]
    role: str | None
    configuration: StateConfiguration


def read_request(request: Mapping[str, Any], shapes: OutputShapes | None = None) -> TestRequest:
    """Check a request in the form of the AWS API, whose values are JSON texts, and its mock by the API models.

    Raises:
        TestStateError: AWS refuses the request.
    """
    name, state, language = _state(request)
    machine = _machine(name, state, language)
    _validate(request["definition"] if "stateName" in request else json.dumps(machine))
    mock = request.get("mock")
    _check_mock(state, mock, request)
    if shapes is not None and state.get("Type") == "Task" and mock is not None and "result" in mock:
        mode = mock.get("fieldValidationMode", "STRICT")
        check_mocked_result(str(state.get("Resource")), _mocked_result(mock), mode, shapes)
    context = _json(request, "context", None)
    if context is not None:
        check_context(context, state)
    configuration = request.get("stateConfiguration") or {}
    return TestRequest(
        name,
        state,
        machine,
        _json(request, "input", {}),
        request.get("inspectionLevel", "INFO"),
        mock,
        context,
        _json(request, "variables", {}),
        request.get("roleArn"),
        StateConfiguration(configuration.get("retrierRetryCount", 0), configuration.get("mapIterationFailureCount", 0)),
    )


def _mocked_result(mock: Mapping[str, Any]) -> Json:
    return _json(mock, "result", None, "Mocked result must be valid JSON")


def _json(request: Mapping[str, Any], name: str, default: Json, message: str = "") -> Json:
    text = request.get(name)
    if text is None:
        return default
    try:
        return json.loads(text)
    except (ValueError, RecursionError, TypeError):
        raise TestStateError("ValidationException", message or f"The {name} is not valid JSON") from None


def _state(request: Mapping[str, Any]) -> tuple[str, dict[str, Any], str]:
    """Return the name, the definition and the default query language of the state."""
    definition = _json(request, "definition", None)
    if not isinstance(definition, dict):
        raise TestStateError("InvalidDefinition", "Definition must be a valid JSON object")
    name = request.get("stateName")
    if name == "":
        message = "Parameter validation failed:\nInvalid length for parameter stateName, value: 0, valid min length: 1"
        raise TestStateError("ParamValidationError", message)
    if name is None:
        return STATE_NAME, definition, "JSONPath"
    state = _find(definition, name)
    if state is None:
        raise TestStateError("ValidationException", "State not found in definition")
    return name, state, definition.get("QueryLanguage", "JSONPath")


def _find(definition: dict[str, Any], name: str) -> dict[str, Any] | None:
    """Return a state of a machine, also from inside Parallel and Map states."""
    pending = [definition]
    while pending:
        states = pending.pop().get("States")
        for key, state in states.items() if isinstance(states, dict) else ():
            if not isinstance(state, dict):
                continue
            if key == name:
                return state
            branches = state.get("Branches")
            inner = [
                *(branches if isinstance(branches, list) else ()),
                state.get("ItemProcessor"),
                state.get("Iterator"),
            ]
            pending += [each for each in inner if isinstance(each, dict)]
    return None


def _machine(name: str, state: dict[str, Any], language: str) -> dict[str, Any]:
    """Return a machine of a state, with a state for each of its targets."""
    targets = [state.get("Next"), state.get("Default")]
    for field in ("Choices", "Catch"):
        entries = state.get(field)
        targets += [each.get("Next") for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []
    others = {target: {"Type": "Succeed"} for target in targets if isinstance(target, str)}
    return {"QueryLanguage": language, "StartAt": name, "States": {**others, name: state}}


def _validate(text: str) -> None:
    verdict = validate(text)
    if not verdict.ok:
        raise TestStateError("InvalidDefinition", verdict.describe())


def _check_mock(state: dict[str, Any], mock: Any, request: Mapping[str, Any]) -> None:
    kind = state.get("Type")
    if mock is None:
        if kind in ("Map", "Parallel"):
            raise TestStateError("InvalidDefinition", _NEEDS_MOCK)
        if kind == "Task" and request.get("roleArn") is None:
            raise TestStateError("ValidationException", "RoleArn must be specified when testing a Task state")
        return
    if kind not in MOCKABLE:
        raise TestStateError("ValidationException", f"State type '{kind}' is not supported when a mock is specified")
    if "result" in mock and "errorOutput" in mock:
        message = "A test mock should have only one of the following fields: [result, errorOutput]."
        raise TestStateError("ValidationException", message)
    if request.get("revealSecrets"):
        message = "TestState does not support RevealSecrets when a mock is specified."
        raise TestStateError("ValidationException", message)
    if "result" in mock:
        _check_result(state, _mocked_result(mock))


def _check_result(state: dict[str, Any], result: Json) -> None:
    kind = state.get("Type")
    if kind == "Map" and "ResultWriter" in state:
        if not isinstance(result, dict):
            raise TestStateError("ValidationException", "Mocked result must be a JSON object.")
    elif kind in ("Map", "Parallel") and not isinstance(result, list):
        raise TestStateError("ValidationException", "Mocked result must be an array.")
    elif kind == "Parallel" and len(result) != len(state.get("Branches", ())):
        message = "Mocked result must contain the same number of items as number of Parallel branches."
        raise TestStateError("ValidationException", message)
