"""Drives one execution by hand: each call is a stimulus."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from headrace.streams.machines.definition.parse import parse_machine
from headrace.streams.machines.execution.advance import advance
from headrace.streams.machines.execution.commands import Command, FinishExecution, SetTimer, SubmitTask
from headrace.streams.machines.execution.record import NO_LIMITS, Execution, ExecutionLimits, MapRunLimits
from headrace.streams.machines.execution.stimuli import (
    ChildFinished,
    Heartbeat,
    RedriveExecution,
    StartExecution,
    Stimulus,
    StopExecution,
    TaskFailed,
    TaskSucceeded,
    TimerFired,
    UpdateMapRun,
)

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
LAMBDA = "arn:aws:lambda:us-east-1:123456789012:function:f"

C = TypeVar("C", bound=Command)


class Driver:
    """An execution with all stimuli, events and commands so far."""

    def __init__(self, definition: Any) -> None:
        self.machine = parse_machine(definition)
        self.now = BEGIN
        self.stimuli: list[Stimulus] = []
        self.events: list[str] = []
        self.commands: list[Command] = []
        self._execution: Execution | None = None

    @property
    def execution(self) -> Execution:
        assert self._execution is not None
        return self._execution

    def send(self, stimulus: Stimulus) -> Driver:
        transition = advance(self.machine, self._execution, stimulus)
        self._execution = transition.execution
        self.stimuli.append(stimulus)
        self.events += [event.type for event in transition.events]
        self.commands += transition.commands
        return self

    def start(self, value: Any = None, limits: ExecutionLimits = NO_LIMITS) -> Driver:
        machine_id = "arn:aws:states:us-east-1:123456789012:stateMachine:m"
        return self.send(
            StartExecution(self.now, 1, id="e", name="e", input=value, machine_id=machine_id, limits=limits)
        )

    def succeed(self, output: Any = None, task: str | None = None) -> Driver:
        return self.send(TaskSucceeded(self.now, 2, task or self.open_task(), output))

    def fail(self, error: str = "Boom", cause: str = "it broke", task: str | None = None) -> Driver:
        return self.send(TaskFailed(self.now, 3, task or self.open_task(), error, cause))

    def send_failure(self, task: str) -> Driver:
        """Let a reader or a writer fail without a name of its error."""
        return self.send(TaskFailed(self.now, 3, task))

    def heartbeat(self, seconds: float = 0) -> Driver:
        self.now += timedelta(seconds=seconds)
        return self.send(Heartbeat(self.now, 4, self.open_task()))

    def fire(self, timer: SetTimer | None = None) -> Driver:
        """Let a timer fire when it is due; the latest one by default."""
        timer = timer or self.all(SetTimer)[-1]
        self.now = max(self.now, timer.due)
        return self.send(TimerFired(self.now, 5, timer.timer))

    def child(self, child: str, output: Any = None, status: str = "SUCCEEDED") -> Driver:
        return self.send(ChildFinished(self.now, 6, child, status, output, None, None))

    def stop(self) -> Driver:
        return self.send(StopExecution(self.now, 7, self.execution.redrive_count, "Stopped", "by hand"))

    def redrive(self, number: int = 1, inputs: dict[str, Any] | None = None) -> Driver:
        return self.send(RedriveExecution(self.now, 8, number, inputs or {}))

    def update_map_run(self, run: str, **limits: Any) -> Driver:
        return self.send(UpdateMapRun(self.now, 9, run, MapRunLimits(**limits)))

    def all(self, kind: type[C]) -> list[C]:
        return [command for command in self.commands if isinstance(command, kind)]

    def open_task(self) -> str:
        return self.all(SubmitTask)[-1].task

    @property
    def finish(self) -> FinishExecution:
        return self.all(FinishExecution)[-1]

    @property
    def delays(self) -> list[float]:
        """The seconds of all timers, from the time at which the last stimulus arrived."""
        return [(timer.due - self.now).total_seconds() for timer in self.all(SetTimer)]


def machine(**states: Any) -> dict[str, Any]:
    """Return a JSONPath machine that starts with its first state."""
    return {"StartAt": next(iter(states)), "States": states}


def task(**fields: Any) -> dict[str, Any]:
    """Return a Task state that ends the machine unless it has a `Next`."""
    end = {} if "Next" in fields else {"End": True}
    return {"Type": "Task", "Resource": LAMBDA, **end, **fields}


def passing(**fields: Any) -> dict[str, Any]:
    """Return a Pass state that ends the machine unless it has a `Next`."""
    end = {} if "Next" in fields else {"End": True}
    return {"Type": "Pass", **end, **fields}
