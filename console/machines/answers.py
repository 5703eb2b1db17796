"""Answers of tasks by their token."""

from __future__ import annotations

from headrace.console.machines import starts
from headrace.console.machines.errors import MachineServiceError
from headrace.console.machines.port import MachineServices
from headrace.schemas.parsing import InvalidValueError, parse_json
from headrace.streams.executions.tokens import InvalidTaskTokenError, decode_token, token_digest

_GONE = "Task Timed Out: 'Provided task does not exist anymore'"


async def succeed(services: MachineServices, token: str, output: str) -> None:
    """Answer a task with JSON.

    Raises:
        MachineServiceError: The token is invalid, nothing waits for it any more, or the output is no JSON.
    """
    try:
        value = parse_json(output)
    except InvalidValueError as error:
        raise MachineServiceError("InvalidOutput", f"Invalid Output: '{error}'") from None
    _check(services, token)
    await services.commands.task_success(token, value)
    services.recent.add(token_digest(token))


async def fail(services: MachineServices, token: str, error: str | None, cause: str | None) -> None:
    """Let a task fail.

    Raises:
        MachineServiceError: The token is invalid, or nothing waits for it any more.
    """
    _check(services, token)
    await services.commands.task_failure(token, error, cause)
    services.recent.add(token_digest(token))


async def heartbeat(services: MachineServices, token: str) -> None:
    """Extend the heartbeat of a task.

    Raises:
        MachineServiceError: The token is invalid, or nothing waits for it any more.
    """
    _check(services, token)
    await services.commands.task_heartbeat(token)


def _check(services: MachineServices, token: str) -> None:
    """Refuse a token that certainly has no task; the engine ignores the answer of any other one that has none."""
    try:
        execution = starts.known(services, decode_token(token).execution)
    except InvalidTaskTokenError:
        raise MachineServiceError("InvalidToken", "Invalid Token: 'Invalid token'") from None
    if execution is None:
        raise MachineServiceError("TaskDoesNotExist", "Task does not exist")
    if execution.status != starts.RUNNING or services.recent.get(token_digest(token)):
        raise MachineServiceError("TaskTimedOut", _GONE)
