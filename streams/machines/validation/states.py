"""The fields of each state type."""

from __future__ import annotations

from headrace.streams.machines.validation import choices, maps, tasks
from headrace.streams.machines.validation.expressions import (
    assignments,
    literal_text,
    object_payload,
    or_expression,
    path_or_intrinsic,
    path_or_null,
    payload,
    reference_path,
    result_path,
    static_result,
)
from headrace.streams.machines.validation.node import FieldRule, Node, ObjectFields, reading
from headrace.streams.machines.validation.retriers import catchers, retriers
from headrace.streams.machines.validation.values import (
    MAX_SECONDS,
    anything,
    array_of,
    boolean,
    integer_from,
    text,
    timestamp,
)

_COMMON = {"Type": FieldRule(anything, required=True), "Comment": FieldRule(text), "QueryLanguage": FieldRule(anything)}
_NEXT = {"Next": FieldRule(text), "End": FieldRule(boolean)}
_INPUT_OUTPUT = {
    "InputPath": FieldRule(path_or_null, "JSONPath"),
    "OutputPath": FieldRule(path_or_null, "JSONPath"),
    "Output": FieldRule(payload, "JSONata"),
}
_ASSIGN = {"Assign": FieldRule(assignments)}
_PARAMETERS = {"Parameters": FieldRule(payload, "JSONPath")}
_ARGUMENTS = {"Arguments": FieldRule(payload, "JSONata")}
_RESULT_PATH = {"ResultPath": FieldRule(result_path, "JSONPath")}
_RESULT = {**_RESULT_PATH, "ResultSelector": FieldRule(object_payload, "JSONPath")}
_ERRORS = {"Retry": FieldRule(retriers), "Catch": FieldRule(catchers)}
_READ_RESULT = {
    "Output": FieldRule(reading("result", payload), "JSONata"),
    "Assign": FieldRule(reading("result", assignments)),
}
_WORK = {**_COMMON, **_NEXT, **_INPUT_OUTPUT, **_READ_RESULT, **_PARAMETERS, **_RESULT, **_ERRORS}
_SECONDS = integer_from(1, MAX_SECONDS)


def _seconds(name: str) -> dict[str, FieldRule]:
    return {name: FieldRule(or_expression(_SECONDS)), f"{name}Path": FieldRule(reference_path, "JSONPath")}


_WAITS = ("SecondsPath", "Seconds", "TimestampPath", "Timestamp")

SCHEMAS: dict[str, ObjectFields] = {
    "Task": ObjectFields(
        {
            **_WORK,
            **_ARGUMENTS,
            "Resource": FieldRule(tasks.resource, required=True),
            "Credentials": FieldRule(tasks.credentials),
            **_seconds("TimeoutSeconds"),
            **_seconds("HeartbeatSeconds"),
        },
        exclusive=(("TimeoutSeconds", "TimeoutSecondsPath"), ("HeartbeatSeconds", "HeartbeatSecondsPath")),
    ),
    "Wait": ObjectFields(
        {
            **_COMMON,
            **_NEXT,
            **_INPUT_OUTPUT,
            **_ASSIGN,
            "Seconds": FieldRule(or_expression(integer_from(0, MAX_SECONDS))),
            "SecondsPath": FieldRule(reference_path, "JSONPath"),
            "Timestamp": FieldRule(or_expression(timestamp)),
            "TimestampPath": FieldRule(reference_path, "JSONPath"),
        },
        alternatives=(_WAITS,),
    ),
    "Pass": ObjectFields(
        {
            **_COMMON,
            **_NEXT,
            **_INPUT_OUTPUT,
            **_ASSIGN,
            **_PARAMETERS,
            **_RESULT_PATH,
            "Result": FieldRule(static_result, "JSONPath"),
        }
    ),
    "Succeed": ObjectFields({**_COMMON, **_INPUT_OUTPUT}),
    "Fail": ObjectFields(
        {
            **_COMMON,
            "Error": FieldRule(literal_text),
            "ErrorPath": FieldRule(path_or_intrinsic, "JSONPath"),
            "Cause": FieldRule(literal_text),
            "CausePath": FieldRule(path_or_intrinsic, "JSONPath"),
        },
        exclusive=(("Error", "ErrorPath"), ("Cause", "CausePath")),
    ),
    "Choice": ObjectFields(
        {
            **_COMMON,
            **_INPUT_OUTPUT,
            **_ASSIGN,
            "Choices": FieldRule(choices.rules, required=True),
            "Default": FieldRule(text),
        }
    ),
    "Parallel": ObjectFields(
        {**_WORK, **_ARGUMENTS, "Branches": FieldRule(array_of(anything, may_be_empty=False), required=True)}
    ),
    "Map": ObjectFields(
        {
            **_WORK,
            "ItemProcessor": FieldRule(anything),
            "Iterator": FieldRule(anything),
            "ItemsPath": FieldRule(reference_path, "JSONPath"),
            "Items": FieldRule(maps.items, "JSONata"),
            "ItemSelector": FieldRule(object_payload),
            "ItemReader": FieldRule(maps.reader),
            "ItemBatcher": FieldRule(maps.batcher),
            "ResultWriter": FieldRule(maps.writer),
            "Label": FieldRule(maps.label),
            **maps.MAP_NUMBERS,
        },
        exclusive=(("ItemSelector", "Parameters"), *((name, f"{name}Path") for name in maps.NUMBERS)),
        alternatives=(("ItemProcessor", "Iterator"),),
    ),
}
"""The field tables, in the order in which AWS lists the types."""

_WITH_NEXT = frozenset({"Task", "Wait", "Pass", "Parallel", "Map"})


def check_state(state: Node) -> None:
    """Check the fields of a state."""
    kind = state.value.get("Type")
    if "Type" not in state.value:
        state.error("The field 'Type' is required")
    elif not isinstance(kind, str):
        state.child("Type").error("Expected value of type String")
    elif kind not in SCHEMAS:
        state.child("Type").error(f"The field 'Type' should have one of these values: [{', '.join(SCHEMAS)}]")
    else:
        SCHEMAS[kind](state)
        if kind in _WITH_NEXT:
            _check_next(state)
        if kind == "Task":
            tasks.heartbeat(state)
        if kind == "Map":
            maps.check_mode(state)


def _check_next(state: Node) -> None:
    ends = state.value.get("End") is True
    if "Next" in state.value and ends:
        state.error("There should only be one of the following fields: [Next, End]")
    elif "Next" not in state.value and not ends:
        state.error("This object should have only one of the following fields: [Next, End]")
