"""Wait: for a number of seconds, or until a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from headrace.streams.machines.definition.model import WaitState
from headrace.streams.machines.definition.values import DynamicValue, JsonataValue, PathValue
from headrace.streams.machines.errors import RUNTIME, StatesError
from headrace.streams.machines.execution.commands import SetTimer
from headrace.streams.machines.execution.data_flow import (
    Environment,
    effective_input,
    environment,
    evaluate,
    without_result,
)
from headrace.streams.machines.execution.draft import Draft
from headrace.streams.machines.execution.flow import leave
from headrace.streams.machines.execution.numbers import invalid, parsed_integer
from headrace.streams.machines.execution.record import DelayWork, FlowBranch
from headrace.streams.machines.expressions.scope import MISSING, Scope
from headrace.streams.machines.expressions.timestamps import nanoseconds_of
from headrace.streams.machines.json_text import compact
from headrace.streams.machines.json_types import Json

MAX_SECONDS = 99_999_999
DATE_FORMAT = "ISO-8601 extended offset date-time format string"


def run_wait(draft: Draft, branch: FlowBranch, state: WaitState) -> None:
    """Run the state: set a timer, or leave at once if the time has passed.

    Raises:
        StatesError: An expression fails, or its value is neither a time nor a number of seconds.
    """
    env = environment(draft, branch)
    effective = effective_input(state.data, env)
    due = _due(state, env, effective)
    if due <= draft.now:
        leave_wait(draft, branch, state)
        return
    timer = f"{branch.id}.{draft.new_key()}.wait"
    branch.work = DelayWork(timer, due)
    draft.commands.append(SetTimer(timer, due))


def leave_wait(draft: Draft, branch: FlowBranch, state: WaitState) -> None:
    """Leave the state after its time.

    Raises:
        StatesError: An expression fails.
    """
    env = environment(draft, branch)
    leave(draft, branch, state, without_result(state.data, env, effective_input(state.data, env)), state.next)


def _due(state: WaitState, env: Environment, effective: Json) -> datetime:
    if state.seconds is not None:
        return env.entropy.now + timedelta(seconds=_seconds(state.seconds, env, effective))
    if state.timestamp is None:
        raise StatesError(RUNTIME, "The Wait state has neither Seconds nor Timestamp")
    return _moment(state.timestamp, env, effective)


def _seconds(field: DynamicValue, env: Environment, effective: Json) -> int:
    value, source = _value(field, env, effective, "number")
    name = _name(field)
    seconds = parsed_integer(value)
    if seconds is None:
        raise invalid(field, f"The {name} cannot be parsed as a long value: {source}{_text(value)}")
    if seconds < 0:
        raise invalid(field, f"The {name} references a negative value: {source}{_text(value)}")
    if seconds > MAX_SECONDS:
        raise invalid(field, f"The {name} references a value above {MAX_SECONDS}: {source}{_text(value)}")
    return seconds


def _moment(field: DynamicValue, env: Environment, effective: Json) -> datetime:
    value, source = _value(field, env, effective, "string")
    nanoseconds = nanoseconds_of(value)
    if nanoseconds is not None:
        return _datetime(nanoseconds)
    if isinstance(field, PathValue):
        raise invalid(field, f"The {_name(field)} does not reference a valid {DATE_FORMAT}: {source}{_text(value)}")
    raise invalid(field, f"The {field.field} field cannot be parsed as an {DATE_FORMAT}: {_text(value)}")


def _datetime(nanoseconds: int) -> datetime:
    """Return a time since 1970; a time that `datetime` does not have becomes the first or the last that it has."""
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC) if nanoseconds < 0 else datetime.max.replace(tzinfo=UTC)


def _value(field: DynamicValue, env: Environment, effective: Json, expected: str) -> tuple[Json, str]:
    """Return the value of a field, and what comes before it in a cause."""
    if not isinstance(field, PathValue):
        return evaluate(field, env, effective, expected), ""
    value = field.path.find(Scope(effective, env.context, env.variables))
    if value is MISSING:
        cause = f"The {field.field} parameter does not reference an input value: {field.path.text}"
        raise StatesError(RUNTIME, cause)
    return value, f"{field.path.text} == "


def _name(field: DynamicValue) -> str:
    return f"{field.field} field" if isinstance(field, JsonataValue) else f"{field.field} parameter"


def _text(value: Json) -> str:
    return value if isinstance(value, str) else compact(value)
