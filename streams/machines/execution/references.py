"""Find the branch that the id of a task, a timer or a child refers to."""

from __future__ import annotations

from headrace.streams.machines.execution.draft import Draft
from headrace.streams.machines.execution.record import FlowBranch


def branch_of(draft: Draft, reference: str) -> FlowBranch | None:
    """Return the branch that a task, a timer or a child belongs to."""
    number = reference.partition(".")[0]
    branch_id = int(number) if number.isdecimal() else -1
    return draft.branch(branch_id) if branch_id in draft.execution.branches else None
