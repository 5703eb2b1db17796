"""Run an execution, and the child executions of its distributed Maps, to their end."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush

from msgspec.structs import replace

from headrace.streams.machines.datasets.items import items_of
from headrace.streams.machines.definition.model import Machine
from headrace.streams.machines.errors import StatesError
from headrace.streams.machines.execution.advance import advance
from headrace.streams.machines.execution.commands import (
    Command,
    FinishExecution,
    ReadItems,
    SetTimer,
    StartChild,
    StopChild,
    SubmitTask,
    WriteResults,
)
from headrace.streams.machines.execution.events import HistoryEvent
from headrace.streams.machines.execution.record import AWS_LIMITS, Execution, ExecutionLimits
from headrace.streams.machines.execution.resources import parse_resource
from headrace.streams.machines.execution.stimuli import (
    ChildFinished,
    StartExecution,
    Stimulus,
    StopExecution,
    TaskFailed,
    TaskStarted,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
)
from headrace.streams.machines.json_types import Json
from headrace.streams.machines.local_run.mocks import MockedAnswer, Mocks

ARN = "arn:aws:states:us-east-1:123456789012"
ROLE = "arn:aws:iam::123456789012:role/local"
ROOT = "local"


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """When the run starts, the seed of its random numbers, its limits, and whether tasks without mocks echo."""

    start: datetime
    seed: int = 0
    echo: bool = False
    limits: ExecutionLimits = AWS_LIMITS


@dataclass(frozen=True, slots=True)
class LocalOutcome:
    """How a run ended, and the events of the execution without those of child executions."""

    execution: Execution
    events: Sequence[HistoryEvent]


@dataclass(frozen=True, slots=True)
class _Due:
    """A stimulus at a time of the virtual clock; `number` keeps the order of equal times."""

    at: datetime
    number: int
    execution: str
    stimulus: Stimulus

    def __lt__(self, other: _Due) -> bool:
        return (self.at, self.number) < (other.at, other.number)


@dataclass(slots=True)
class _Child:
    parent: str
    child: str


class LocalRun:
    """Executions with their inbox and the timers of the virtual clock."""

    def __init__(self, machine: Machine, mocks: Mocks, settings: LocalSettings) -> None:
        self.events: list[HistoryEvent] = []
        self._machine = machine
        self._mocks = mocks
        self._settings = settings
        self._now = settings.start
        self._number = settings.seed
        self._executions: dict[str, Execution] = {}
        self._children: dict[str, _Child] = {}
        self._inbox: deque[tuple[str, Stimulus]] = deque()
        self._due: list[_Due] = []

    def run(self, value: Json) -> Execution:
        """Run an execution with an input to its end.

        Raises:
            MockError: A task has no mocked answer.
        """
        self._inbox.append((ROOT, self._start(ROOT, value)))
        while self._inbox or (self._due and self._executions[ROOT].status == "RUNNING"):
            if not self._inbox:
                due = heappop(self._due)
                self._now = max(self._now, due.at)
                self._inbox.append((due.execution, due.stimulus))
            self._apply(*self._inbox.popleft())
        return self._executions[ROOT]

    def _apply(self, name: str, stimulus: Stimulus) -> None:
        transition = advance(self._machine, self._executions.get(name), stimulus)
        self._executions[name] = transition.execution
        if name == ROOT:
            self.events.extend(transition.events)
        for command in transition.commands:
            self._obey(name, command)

    def _obey(self, name: str, command: Command) -> None:
        if isinstance(command, SubmitTask):
            self._answer_task(name, command)
        elif isinstance(command, SetTimer):
            self._later(command.due, name, TimerFired(command.due, self._next(), command.timer))
        elif isinstance(command, StartChild):
            child = f"{name}/{command.child}"
            self._children[child] = _Child(name, command.child)
            self._inbox.append((child, self._start(child, command.input, command)))
        elif isinstance(command, StopChild):
            self._inbox.append((f"{name}/{command.child}", StopExecution(self._now, self._next(), redrive_count=0)))
        elif isinstance(command, ReadItems):
            self._answer(name, command.task, _read(command, self._mocks.next(command.state, [])))
        elif isinstance(command, WriteResults):
            self._write(name, command)
        elif isinstance(command, FinishExecution) and name in self._children:
            self._finish_child(name, command)

    def _start(self, name: str, value: Json, child: StartChild | None = None) -> StartExecution:
        return StartExecution(
            self._now,
            self._next(),
            id=f"{ARN}:execution:local:{name}",
            name=name,
            input=value,
            machine_id=f"{ARN}:stateMachine:local",
            machine_name="local",
            role_arn=ROLE,
            flow=0 if child is None else child.flow,
            map_run_arn=None if child is None else child.map_run_arn,
            limits=self._settings.limits,
        )

    def _answer_task(self, name: str, command: SubmitTask) -> None:
        answer = self._mocks.next(command.state, command.input)
        self._inbox.append((name, TaskStarted(self._now, self._next(), command.task)))
        if parse_resource(command.resource).pattern:
            self._inbox.append((name, TaskSubmitted(self._now, self._next(), command.task, {})))
        self._answer(name, command.task, answer)

    def _answer(self, name: str, task: str, answer: MockedAnswer) -> None:
        at = self._now + timedelta(seconds=answer.delay)
        if answer.failed:
            stimulus: Stimulus = TaskFailed(at, self._next(), task, answer.error, answer.cause)
        else:
            stimulus = TaskSucceeded(at, self._next(), task, answer.result)
        if answer.delay:
            self._later(at, name, stimulus)
        else:
            self._inbox.append((name, stimulus))

    def _write(self, name: str, command: WriteResults) -> None:
        """Answer with a mock, or with the place at which AWS would write."""
        if self._mocks.has(command.state):
            self._answer(name, command.task, self._mocks.next(command.state, command.parameters))
            return
        parameters = command.parameters if isinstance(command.parameters, dict) else {}
        run = command.map_run_arn.rpartition(":")[2]
        prefix = f"{parameters['Prefix'].rstrip('/')}/" if parameters.get("Prefix") else ""
        details = {"Bucket": parameters.get("Bucket"), "Key": f"{prefix}{run}/manifest.json"}
        self._answer(name, command.task, MockedAnswer(result=details))

    def _finish_child(self, name: str, finish: FinishExecution) -> None:
        child = self._children[name]
        stimulus = ChildFinished(
            self._now, self._next(), child.child, finish.status, finish.output, finish.error, finish.cause
        )
        self._inbox.append((child.parent, stimulus))

    def _later(self, at: datetime, name: str, stimulus: Stimulus) -> None:
        heappush(self._due, _Due(at, self._next(), name, stimulus))

    def _next(self) -> int:
        """Return the next seed, which is also the order of timers that are due at the same time."""
        self._number += 1
        return self._number


def _read(command: ReadItems, answer: MockedAnswer) -> MockedAnswer:
    """Return the items of a mocked dataset; a text is the content of the file that the reader reads."""
    if isinstance(answer.result, list) and command.max_items is not None:
        return replace(answer, result=answer.result[: command.max_items])
    if answer.failed or not isinstance(answer.result, str):
        return answer
    try:
        items = items_of(answer.result.encode("utf-8", "surrogatepass"), command.config, command.max_items)
    except StatesError as error:
        return MockedAnswer(failed=True, error=error.error, cause=error.cause, delay=answer.delay)
    return MockedAnswer(result=items, delay=answer.delay)


def run_locally(machine: Machine, value: Json, mocks: Json, settings: LocalSettings) -> LocalOutcome:
    """Run a machine with an input and mocked tasks to its end.

    Raises:
        MockError: The mocks are malformed, or have no answer for a task.
    """
    run = LocalRun(machine, Mocks(mocks, echo=settings.echo), settings)
    execution = run.run(value)
    return LocalOutcome(execution, run.events)
