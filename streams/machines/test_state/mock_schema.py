"""Compare a mocked result with the API model of its service, as the `fieldValidationMode` of TestState demands.

STRICT, the default, checks that required fields exist and that fields have their types and ranges. PRESENT omits the
first check, NONE both. Fields that the model does not have are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from headrace.streams.machines.execution.resources import parse_resource
from headrace.streams.machines.json_types import Json
from headrace.streams.machines.test_state.errors import TestStateError

OutputShapes = Callable[[str, str], Any]
"""Returns the shape of botocore for the output of an operation of a service; None without one."""

FieldValidationMode = Literal["STRICT", "PRESENT", "NONE"]

MODELS: Final[Mapping[str, str]] = {
    "states": "stepfunctions",
    "sfn": "stepfunctions",
    "eventbridge": "events",
    "elasticmapreduce": "emr",
}
"""The names of botocore for services that Step Functions names differently."""

_KINDS: Final[Mapping[str, tuple[str, tuple[type, ...]]]] = {
    **dict.fromkeys(("string", "timestamp", "blob", "char"), ("a string", (str,))),
    **dict.fromkeys(("integer", "long", "float", "double"), ("a number", (int, float))),
    **dict.fromkeys(("structure", "map"), ("an object", (dict,))),
    "list": ("an array", (list,)),
    "boolean": ("a boolean", (bool,)),
}


def check_mocked_result(resource: str, result: Json, mode: FieldValidationMode, shapes: OutputShapes) -> None:
    """Check the mocked result of a task that requests and receives one response.

    Raises:
        TestStateError: The result is not one of the API.
    """
    parsed = parse_resource(resource)
    if mode == "NONE" or parsed.kind != "Task" or parsed.pattern or not isinstance(result, dict):
        return
    service = parsed.service.removeprefix("aws-sdk:")
    shape = shapes(MODELS.get(service, service), parsed.api[:1].upper() + parsed.api[1:])
    if shape is None:
        return
    if resource.endswith(":states:::lambda:invoke"):  # the service parses the payload of the function
        result = {name: value for name, value in result.items() if name != "Payload"}
    problem = _object_problem(result, shape, is_strict=mode == "STRICT")
    if problem is not None:
        raise TestStateError("ValidationException", f"Mock result schema validation error: {problem}")


def _object_problem(value: dict[str, Json], shape: Any, *, is_strict: bool) -> str | None:
    """Return the first problem of an object. Step Functions writes the names of fields with a capital first letter."""
    names = {name: name[:1].upper() + name[1:] for name in shape.members}
    if is_strict:
        for name in shape.required_members:
            if names[name] not in value:
                return f"Required field '{names[name]}' is missing"
    for name, member in shape.members.items():
        found = None
        if value.get(names[name]) is not None:
            found = _problem(names[name], value[names[name]], member, is_strict=is_strict)
        if found is not None:
            return found
    return None


def _problem(field: str, value: Json, shape: Any, *, is_strict: bool) -> str | None:
    expected, types = _KINDS[shape.type_name]
    if not _has_type(value, types):
        return f"Field '{field}' must be {expected}"
    if shape.type_name == "structure":
        return _object_problem(value, shape, is_strict=is_strict)
    if shape.type_name in ("list", "map"):
        inner, values = (shape.member, value) if shape.type_name == "list" else (shape.value, value.values())
        problems = (_problem(field, each, inner, is_strict=is_strict) for each in values)
        return next((problem for problem in problems if problem is not None), None)
    return _scalar_problem(field, value, shape)


def _has_type(value: Json, types: tuple[type, ...]) -> bool:
    return isinstance(value, types) and (bool in types or not isinstance(value, bool))


def _scalar_problem(field: str, value: Json, shape: Any) -> str | None:
    if isinstance(value, str) and getattr(shape, "enum", None) and value not in shape.enum:
        return f"Field '{field}' is not an expected value"
    is_text = isinstance(value, str)
    size = len(value) if is_text else value
    if "min" in shape.metadata and size < shape.metadata["min"]:
        return f"Field '{field}' is {'smaller than the minimum length' if is_text else 'less than the minimum value'}"
    if "max" in shape.metadata and size > shape.metadata["max"]:
        return f"Field '{field}' exceeds the maximum {'length' if is_text else 'value'}"
    return None
