"""The context object of TestState: that of the request, or a made-up one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from headrace.streams.machines.json_types import Json
from headrace.streams.machines.test_state.errors import TestStateError

_FIELDS = {
    "Execution": ("Id", "Input", "Name", "RoleArn", "StartTime", "RedriveCount", "RedriveTime"),
    "State": ("EnteredTime", "Name", "RetryCount"),
    "StateMachine": ("Id", "Name"),
    "Task": ("Token",),
}
_NUMBERS = ("RetryCount", "RedriveCount")
_ACCOUNT = "123456789012"


def check_context(context: Json, state: Mapping[str, Any]) -> None:
    """Check a context object.

    Raises:
        TestStateError: A field is not allowed, or has the wrong type.
    """
    if not isinstance(context, dict):
        raise _invalid("Context object must be a JSON object")
    for section, members in context.items():
        if section == "Map":
            raise _invalid("'Map' field is not supported when mocking a Context object")
        if section not in _FIELDS:
            raise _invalid(f"Field '{section}' is not allowed")
        if not isinstance(members, dict):
            raise _invalid(f"{section} must be an object")
        for name, value in members.items():
            _check_member(section, name, value)
    if "Task" in context and not _has_token(state):
        raise _invalid(
            "Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' "
            "service integration pattern"
        )


def _check_member(section: str, name: str, value: Json) -> None:
    if name not in _FIELDS[section]:
        raise _invalid(f"Field '{name}' is not allowed")
    if name in _NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int):
            raise _invalid(f"{section}.{name} must be a number")
    elif name != "Input" and not isinstance(value, str):
        raise _invalid(f"{section}.{name} must be a string")


def _has_token(state: Mapping[str, Any]) -> bool:
    resource = str(state.get("Resource", ""))
    return ".sync" in resource or resource.endswith(".waitForTaskToken")


def _invalid(message: str) -> TestStateError:
    return TestStateError("ValidationException", f"Invalid Context object provided: {message}")


def made_up_context(name: str, kind: str, value: Json, role: str | None, now: datetime) -> dict[str, Json]:
    """Return the context of an execution that consists of one state."""
    time = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    entered: dict[str, Json] = {"Name": name, "EnteredTime": time}
    if kind in ("Task", "Map", "Parallel"):
        entered["RetryCount"] = 0
    prefix = f"arn:aws:states:us-east-1:{_ACCOUNT}"
    return {
        "Execution": {
            "Id": f"{prefix}:express:test-state:test",
            "Input": value,
            "Name": "test",
            "RoleArn": role,
            "StartTime": time,
        },
        "StateMachine": {"Id": f"{prefix}:stateMachine:test-state", "Name": "test-state"},
        "State": entered,
    }
