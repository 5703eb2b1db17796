"""Run a generated machine on a log whose workers are killed, and compare it with the pure interpreter."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from random import Random
from typing import Any

from headrace.schemas import topics
from headrace.streams.machines.definition.parse import parse_machine
from headrace.streams.machines.execution.commands import SubmitTask
from headrace.streams.machines.execution.record import ExecutionLimits
from headrace.streams.machines.execution.resources import parse_resource
from headrace.streams.machines.execution.stimuli import TaskFailed, TaskStarted, TaskSubmitted, TaskSucceeded
from headrace.streams.machines.local_run.mocks import MockedAnswer, Mocks
from headrace.streams.machines.local_run.run import LocalOutcome, LocalRun, LocalSettings
from tests.unit.streams.executions.fake_log import BEGIN, FakeLog, run_to_the_end
from tests.unit.streams.machines.execution.random_machines import MachineMaker

INPUT = {"items": [1, {"r": 2}, "three"], "r": {}}
LIMITS = ExecutionLimits(payload_bytes=200_000, events=400)
ERRORS = ("A", "B")


def check_machine(seed: int, kills: int, commit_every: tuple[int, ...] = (1, 3, 7)) -> int:
    """Run the machine of a seed, undisturbed and with kills; return the number of kills.

    Raises:
        AssertionError: The runs differ from each other or from the interpreter, or a task ran twice.
    """
    definition = MachineMaker(Random(seed)).machine()
    expected = interpreted(definition)
    log, execution, effects = _run(definition, None, 1)
    undisturbed = log.events(execution)
    assert _end(log, execution) == (expected.execution.status, expected.execution.error), seed
    random = Random(seed)
    points = [random.randrange(effects) for _ in range(kills)]
    for point in points:
        killed, execution, _ = _run(definition, point, random.choice(commit_every))
        assert _end(killed, execution) == _end(log, execution), (seed, point)
        assert killed.open_executions() == set(), (seed, point)
        if len(undisturbed) < (LIMITS.events or 0):  # where a full history ends depends on the order of its branches
            assert killed.events(execution) == undisturbed, (seed, point)
            assert _tasks(killed) == _tasks(log), (seed, point)
    return len(points)


def interpreted(definition: dict[str, Any]) -> LocalOutcome:
    """Return how the interpreter runs a definition with the same answers of tasks."""
    settings = LocalSettings(BEGIN, limits=LIMITS)
    run = LocalRun(parse_machine(definition), _StateMocks(), settings)
    return LocalOutcome(run.run(INPUT), run.events)


class _StateMocks(Mocks):
    """Answers each task by the name of its state."""

    def __init__(self) -> None:
        super().__init__({}, echo=True)

    def next(self, state: str, value: Any) -> MockedAnswer:
        error = error_of(state)
        if error is None:
            return MockedAnswer(result=result_of_state(state))
        return MockedAnswer(failed=True, error=error, cause="chaos")


def error_of(state: str) -> str | None:
    """Return the error of a state's tasks; None if they succeed."""
    number = sha256(state.encode()).digest()[0]
    return ERRORS[number % 2] if number % 4 == 0 else None


def result_of_state(state: str) -> Any:
    """Return the result of a state's tasks, and the items that it reads."""
    return [{"r": state}, 2]


def answer(command: Any, now: datetime, seed: int) -> list[Any]:
    """Return the answer of a task on the log."""
    error = error_of(command.state)
    started: list[Any] = []
    if isinstance(command, SubmitTask):
        started.append(TaskStarted(now, seed, command.task))
        if parse_resource(command.resource).pattern:
            started.append(TaskSubmitted(now, seed, command.task, {}))
    if error is not None:
        return [*started, TaskFailed(now, seed, command.task, error, "chaos")]
    return [*started, TaskSucceeded(now, seed, command.task, result_of_state(command.state))]


def _run(definition: dict[str, Any], kill_after: int | None, commit_every: int) -> tuple[FakeLog, str, int]:
    log = FakeLog()
    execution = log.start(log.deploy(definition), INPUT, limits=LIMITS)
    return log, execution, run_to_the_end(log, answer, kill_after, commit_every)


def _end(log: FakeLog, execution: str) -> tuple[str, str | None]:
    """Return the status and the error of an execution."""
    return next(((record.status, record.error) for record in reversed(log.history(execution))), ("", None))


def _tasks(log: FakeLog) -> set[bytes | None]:
    """Return the keys of all tasks. A redelivered task has the key and the token of the first."""
    return {record.key for record in log.topics[topics.MACHINE_TASKS.name]}
