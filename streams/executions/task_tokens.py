"""The tasks that an execution waits for: their tokens, and the executions that they started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headrace.streams.executions.tokens import token_digest
from headrace.streams.machines.execution.commands import Command, SubmitTask
from headrace.streams.machines.execution.record import Execution, TaskWork


def current_tokens(execution: Execution, known: Mapping[str, str], commands: Sequence[Command]) -> Mapping[str, str]:
    """Return the SHA-256 of the token of each task that the execution waits for after a transition."""
    new = {
        command.task: token_digest(command.token)
        for command in commands
        if isinstance(command, SubmitTask) and command.token is not None
    }
    tokens = {**known, **new}
    if not tokens:
        return known
    return _waited_for(execution, tokens)


def current_nested(execution: Execution, nested: Mapping[str, str]) -> Mapping[str, str]:
    """Return the nested executions that the execution waits for."""
    return _waited_for(execution, nested) if nested else nested


def _waited_for(execution: Execution, by_task: Mapping[str, str]) -> Mapping[str, str]:
    works = (branch.work for branch in execution.branches.values() if branch.status == "running")
    waiting = {work.task for work in works if isinstance(work, TaskWork)}
    return {task: value for task, value in by_task.items() if task in waiting}
