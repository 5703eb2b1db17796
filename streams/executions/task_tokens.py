"""The tokens of the tasks that an execution waits for."""

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
    works = (branch.work for branch in execution.branches.values() if branch.status == "running")
    waiting = {work.task for work in works if isinstance(work, TaskWork)}
    return {task: digest for task, digest in tokens.items() if task in waiting}
