"""Random machines, and random stimuli for them."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

from headrace.streams.machines.definition.parse import parse_machine
from headrace.streams.machines.execution.advance import advance
from headrace.streams.machines.execution.commands import Command, ReadItems, SetTimer, StartChild, SubmitTask
from headrace.streams.machines.execution.record import Execution, ExecutionLimits
from headrace.streams.machines.execution.stimuli import (
    ChildFinished,
    Heartbeat,
    RedriveExecution,
    StartExecution,
    Stimulus,
    StopExecution,
    TaskFailed,
    TaskStarted,
    TaskSucceeded,
    TimerFired,
)
from tests.unit.streams.machines.execution.driver import BEGIN, LAMBDA

ERRORS = ["A", "B", "States.TaskFailed", "States.Timeout", "States.ALL"]
MAX_STIMULI = 60


class MachineMaker:
    """Makes definitions from random numbers. Names are unique in a definition."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._names = 0

    def machine(self, depth: int = 0) -> dict[str, Any]:
        names = [self._name() for _ in range(self._random.randint(1, 4))]
        return {"StartAt": names[0], "States": {name: self._state(names, depth) for name in names}}

    def _name(self) -> str:
        self._names += 1
        return f"S{self._names}"

    def _state(self, names: list[str], depth: int) -> dict[str, Any]:
        kinds = ["pass", "task", "task", "wait", "choice", "fail", "succeed", *(["parallel", "map"] * (depth < 3))]
        kind = self._random.choice(kinds)
        made: dict[str, Any] = getattr(self, f"_{kind}")(names, depth)
        return made

    def _following(self, names: list[str]) -> dict[str, Any]:
        return {"End": True} if self._random.random() < 0.4 else {"Next": self._random.choice(names)}

    def _recovery(self, names: list[str]) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        if self._random.random() < 0.5:
            retrier = {"ErrorEquals": [self._error()], "MaxAttempts": 2, "JitterStrategy": "FULL"}
            fields["Retry"] = [retrier, {"ErrorEquals": ["States.ALL"], "MaxAttempts": self._random.randint(0, 1)}]
        if self._random.random() < 0.5:
            catcher = {"ErrorEquals": [self._error()], "Next": self._random.choice(names), "ResultPath": "$.error"}
            fields["Catch"] = [catcher]
        return fields

    def _error(self) -> str:
        return self._random.choice(ERRORS)

    def _pass(self, names: list[str], _depth: int) -> dict[str, Any]:
        path = self._random.choice(["$", "$.r", None])
        assign = {"v.$": self._random.choice(["$", "$$.State.Name", "States.UUID()"])}
        result = self._random.choice([1, {"x": [1, 2]}, "text"])
        return {"Type": "Pass", "Result": result, "ResultPath": path, "Assign": assign, **self._following(names)}

    def _task(self, names: list[str], _depth: int) -> dict[str, Any]:
        resource = self._random.choice([LAMBDA, "arn:aws:states:::sqs:sendMessage.waitForTaskToken"])
        timing = self._random.choice([{}, {"TimeoutSeconds": 50, "HeartbeatSeconds": 20}])
        fields = {"Type": "Task", "Resource": resource, "Parameters": {"in.$": "$", "id.$": "States.UUID()"}}
        return {**fields, **timing, **self._recovery(names), **self._following(names)}

    def _wait(self, names: list[str], _depth: int) -> dict[str, Any]:
        return {"Type": "Wait", "Seconds": self._random.randint(0, 9), **self._following(names)}

    def _choice(self, names: list[str], _depth: int) -> dict[str, Any]:
        rules = [
            {"Variable": "$.r", "IsPresent": True, "Next": self._random.choice(names)},
            {"Variable": "$$.State.RetryCount", "NumericEquals": 0, "Next": self._random.choice(names)},
        ]
        return {"Type": "Choice", "Choices": [self._random.choice(rules)]} | (
            {"Default": self._random.choice(names)} if self._random.random() < 0.7 else {}
        )

    def _fail(self, _names: list[str], _depth: int) -> dict[str, Any]:
        return {"Type": "Fail", "Error": self._error(), "Cause": "made to fail"}

    def _succeed(self, _names: list[str], _depth: int) -> dict[str, Any]:
        return {"Type": "Succeed"}

    def _parallel(self, names: list[str], depth: int) -> dict[str, Any]:
        branches = [self.machine(depth + 1) for _ in range(self._random.randint(1, 3))]
        return {"Type": "Parallel", "Branches": branches, **self._recovery(names), **self._following(names)}

    def _map(self, names: list[str], depth: int) -> dict[str, Any]:
        mode = self._random.choice(["INLINE", "INLINE", "DISTRIBUTED"])
        fields: dict[str, Any] = {
            "Type": "Map",
            "Parameters": {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value"},
            "ItemsPath": self._random.choice(["$$.Execution.Input.items", "$$.Execution.Input.items", "$"]),
            "MaxConcurrency": self._random.randint(0, 2),
            "Iterator": {"ProcessorConfig": {"Mode": mode}, **self.machine(depth + 1)},
        }
        if mode == "DISTRIBUTED":
            fields["ToleratedFailureCount"] = self._random.randint(0, 2)
            if self._random.random() < 0.3:
                fields["ItemReader"] = {"Resource": "arn:aws:states:::s3:getObject"}
        return {**fields, **self._recovery(names), **self._following(names)}


class RandomRun:
    """A random machine, or a given one, that receives random stimuli until it ends or has had many."""

    def __init__(self, seed: int, definition: dict[str, Any] | None = None) -> None:
        self._random = Random(seed)
        self.definition = MachineMaker(self._random).machine() if definition is None else definition
        self.machine = parse_machine(self.definition)
        self.now = BEGIN
        self.stimuli: list[Stimulus] = []
        self.executions: list[Execution] = []
        self._commands: list[Command] = []
        value = {"items": [1, {"r": 2}, "three"], "r": {}}
        self._send(
            StartExecution(
                BEGIN, seed, id="e", name="e", input=value, limits=ExecutionLimits(payload_bytes=20_000, events=3000)
            )
        )
        while len(self.stimuli) < MAX_STIMULI and (stimulus := self._next()) is not None:
            self._send(stimulus)

    def _send(self, stimulus: Stimulus) -> None:
        before = self.executions[-1] if self.executions else None
        transition = advance(self.machine, before, stimulus)
        self.stimuli.append(stimulus)
        self.executions.append(transition.execution)
        self._commands += transition.commands

    def _next(self) -> Stimulus | None:
        execution = self.executions[-1]
        self.now += timedelta(seconds=self._random.randint(0, 30))
        seed = self._random.getrandbits(32)
        if execution.status != "RUNNING":
            again = execution.status != "SUCCEEDED" and self._random.random() < 0.5
            return RedriveExecution(self.now, seed, execution.redrive_count + 1) if again else None
        if self._random.random() < 0.02:
            return StopExecution(self.now, seed, execution.redrive_count, "Stopped")
        recent = self._commands[-12:]
        commands = [each for each in recent if isinstance(each, SubmitTask | SetTimer | StartChild | ReadItems)]
        return self._answer(self._random.choice(commands), seed) if commands else None

    def _answer(self, command: SubmitTask | SetTimer | StartChild | ReadItems, seed: int) -> Stimulus:
        if isinstance(command, SetTimer):
            self.now = max(self.now, command.due)
            return TimerFired(self.now, seed, command.timer)
        is_success = self._random.random() < 0.7
        if isinstance(command, StartChild):
            return ChildFinished(self.now, seed, command.child, "SUCCEEDED" if is_success else "FAILED", seed)
        if isinstance(command, ReadItems) or is_success:
            return TaskSucceeded(self.now, seed, command.task, [{"r": seed}, 2])
        others: list[Stimulus] = [
            TaskFailed(self.now, seed, command.task, self._random.choice(ERRORS), "random"),
            TaskStarted(self.now, seed, command.task),
            Heartbeat(self.now, seed, command.task),
        ]
        return self._random.choice(others)
