"""The execution while one stimulus is applied: the copy that changes, and the events and commands so far."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from datetime import datetime

from headrace.streams.machines.definition.model import Machine, State
from headrace.streams.machines.execution.commands import Command
from headrace.streams.machines.execution.events import HistoryEvent
from headrace.streams.machines.execution.record import ROOT_BRANCH, ChildOutcome, Execution, FlowBranch
from headrace.streams.machines.expressions.scope import Entropy
from headrace.streams.machines.json_types import Json


def timestamp(moment: datetime) -> str:
    """Return a time as the context object has it, in UTC with milliseconds."""
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


class HistoryFullError(Exception):
    """The next event would exceed the limit of the history."""


@dataclass(frozen=True, slots=True)
class StateFailure:
    """Why a state fails. `names` are the errors that Retry and Catch match besides `error`.

    `inherited` is true if a child failed; `fatal` if neither Retry nor Catch applies.
    """

    error: str | None
    cause: str | None
    names: tuple[str, ...] = ()
    location: str = ""
    inherited: bool = False
    fatal: bool = False


Joined = ChildOutcome | StateFailure


class Draft:
    """A copy of an execution with the events and commands of one transition.

    `queue` holds branches that can run, and ended branches with their outcome, which join their parent.
    """

    __slots__ = (
        "_owned",
        "commands",
        "entropy",
        "events",
        "execution",
        "execution_context",
        "machine",
        "now",
        "now_text",
        "queue",
        "steps",
    )

    def __init__(self, machine: Machine, execution: Execution, now: datetime, seed: int) -> None:
        self.machine = machine
        self.execution = copy(execution)
        self.execution.branches = dict(execution.branches)
        self.now = now
        self.now_text = timestamp(now)
        self.entropy = Entropy(now, seed)
        self.events: list[HistoryEvent] = []
        self.commands: list[Command] = []
        self.queue: deque[tuple[int, Joined | None]] = deque()
        self.execution_context: Mapping[str, Json] | None = None
        self.steps = 0
        self._owned: set[int] = set()

    def branch(self, branch_id: int) -> FlowBranch:
        """Return a branch that can be changed."""
        branch = self.execution.branches[branch_id]
        if branch_id not in self._owned:
            branch = copy(branch)
            self.execution.branches[branch_id] = branch
            self._owned.add(branch_id)
        return branch

    def add_branch(self, branch: FlowBranch) -> None:
        """Add a new branch, and let it run after those in the queue."""
        self.execution.branches[branch.id] = branch
        self._owned.add(branch.id)
        self.queue.append((branch.id, None))

    def state(self, branch: FlowBranch) -> State:
        """Return the definition of the state that a branch is in."""
        return self.machine.flows[branch.flow].states[branch.state]

    def new_branch_id(self) -> int:
        """Return a number for a branch that no other branch of the execution had."""
        number = self.execution.next_branch
        self.execution.next_branch = number + 1
        return number

    def new_key(self) -> int:
        """Return a number that makes the id of a task, timer or child unique in the execution."""
        number = self.execution.next_key
        self.execution.next_key = number + 1
        return number

    def emit(self, branch: FlowBranch, kind: str, details: Mapping[str, Json]) -> int:
        """Add an event of a branch to the history, and return its id.

        Raises:
            HistoryFullError: Only the event that ends the execution fits into the history.
        """
        execution = self.execution
        number = execution.last_event + 1
        limit = execution.limits.events
        if limit is not None and number >= limit:
            raise HistoryFullError
        execution.last_event = number
        self.events.append(HistoryEvent(number, branch.last_event, self.now, kind, details))
        branch.last_event = number
        return number

    def emit_end(self, kind: str, details: Mapping[str, Json]) -> None:
        """Add the event that ends the execution, which always fits into the history."""
        execution = self.execution
        previous, execution.last_event = execution.last_event, execution.last_event + 1
        self.events.append(HistoryEvent(execution.last_event, previous, self.now, kind, details))

    def children(self, branch_id: int) -> list[int]:
        """Return the ids of the branches that a branch waits for, in their order."""
        return [child.id for child in self.execution.branches.values() if child.parent == branch_id]

    def descendants(self, branch_id: int) -> Iterator[int]:
        """Yield the ids of all branches below a branch, a child after its own children."""
        pending = [(child, False) for child in reversed(self.children(branch_id))]
        while pending:
            current, is_expanded = pending.pop()
            if is_expanded:
                yield current
            else:
                pending.append((current, True))
                pending.extend((child, False) for child in reversed(self.children(current)))

    def drop_children(self, branch_id: int) -> None:
        """Remove all branches below a branch."""
        for dropped in list(self.descendants(branch_id)):
            del self.execution.branches[dropped]

    @property
    def root(self) -> FlowBranch:
        """The branch of the execution itself."""
        return self.branch(ROOT_BRANCH)
