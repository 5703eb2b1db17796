"""Run a generated machine on a log whose workers are killed, and compare it with the pure interpreter."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from random import Random
from typing import Any

from headrace.schemas import topics
from headrace.schemas.records import StimulusReceived
from headrace.streams.executions.inbox import DeliverStimulus, InboxMessage, ResolvedStart, StopForParent
from headrace.streams.executions.json_codec import decode_json
from headrace.streams.executions.payload_store import PayloadStore
from headrace.streams.machines.definition.parse import parse_machine
from headrace.streams.machines.execution.advance import advance
from headrace.streams.machines.execution.commands import ReadItems, SubmitTask, WriteResults
from headrace.streams.machines.execution.record import Execution, ExecutionLimits
from headrace.streams.machines.execution.resources import parse_resource
from headrace.streams.machines.execution.stimuli import (
    Stimulus,
    StopExecution,
    TaskFailed,
    TaskStarted,
    TaskSubmitted,
    TaskSucceeded,
)
from headrace.streams.machines.local_run.mocks import MockedAnswer, Mocks
from headrace.streams.machines.local_run.run import LocalOutcome, LocalRun, LocalSettings
from tests.chaos.support.machine_answers import error_of, result_of_state
from tests.unit.streams.executions.fake_log import BEGIN, CODEC, FakeLog, LongRunError, run_to_the_end
from tests.unit.streams.machines.execution.random_machines import MachineMaker

INPUT = {"items": [1, {"r": 2}, "three"], "r": {}}
LIMITS = ExecutionLimits(payload_bytes=200_000, events=400)


def check_machine(seed: int, kills: int, commit_every: tuple[int, ...] = (1, 3, 7)) -> int:
    """Run the machine of a seed, undisturbed and with kills; return the number of kills.

    A machine whose Maps start thousands of children is left out: it has 0 kills.

    Raises:
        AssertionError: A run ends otherwise than the interpreter, or its history is not the fold of its inbox.
    """
    definition = MachineMaker(Random(seed)).machine()
    try:
        log, execution, effects = _run(definition, None, 1)
    except LongRunError:
        return 0
    if is_sequential(definition):
        expected = interpreted(definition).execution
        assert _end(log, execution) == (expected.status, expected.error), seed
    _check_fold(log, definition, seed)
    random = Random(seed)
    points = [random.randrange(effects) for _ in range(kills)]
    for point in points:
        killed, execution, _ = _run(definition, point, random.choice(commit_every))
        if is_sequential(definition):
            assert killed.events(execution) == log.events(execution), (seed, point)
        assert _end(killed, execution)[0] not in ("", "RUNNING"), (seed, point)
        assert killed.open_executions() == set(), (seed, point)
        _check_fold(killed, definition, (seed, point))
    return len(points)


def is_sequential(definition: dict[str, Any]) -> bool:
    """Return whether no states of a machine run at the same time; else the order of its answers decides."""
    return all(state["Type"] not in ("Parallel", "Map") for state in definition["States"].values())


def _check_fold(log: FakeLog, definition: dict[str, Any], label: object) -> None:
    """Fold the inbox with the interpreter: each execution must have this history, and these tasks."""
    machine, executions = parse_machine(definition), dict[str, Execution]()
    events: dict[str, list[str]] = {}
    tasks: set[bytes] = set()
    for name, stimulus in asyncio.run(_stimuli(log)):
        transition = advance(machine, executions.get(name), stimulus)
        executions[name] = transition.execution
        events.setdefault(name, []).extend(event.type for event in transition.events)
        submitted = [each for each in transition.commands if isinstance(each, SubmitTask | ReadItems | WriteResults)]
        tasks |= {f"{name}#{each.task}".encode() for each in submitted}
    for name, execution in executions.items():
        assert log.events(name) == events[name], (label, name)
        assert _end(log, name) == (execution.status, execution.error), (label, name)
    assert {record.key for record in log.topics[topics.MACHINE_TASKS.name]} == tasks, label


async def _stimuli(log: FakeLog) -> list[tuple[str, Stimulus]]:
    """Return what each execution received, in the order of the inbox."""
    payloads, stops = PayloadStore(log.bucket), set[str]()
    found: list[tuple[str, Stimulus]] = []
    for record in log.topics[topics.MACHINE_INBOX.name]:
        event = CODEC.decode(record.value)
        assert isinstance(event, StimulusReceived)
        message = decode_json(await payloads.expand(event.body), InboxMessage)
        if isinstance(message, ResolvedStart | DeliverStimulus):
            found.append((event.execution, message.stimulus))
        elif isinstance(message, StopForParent) and event.execution not in stops:
            stops.add(event.execution)
            now = datetime.fromtimestamp(message.now, UTC)
            found.append((event.execution, StopExecution(now, message.seed, 0)))
    return found


def interpreted(definition: dict[str, Any], limits: ExecutionLimits = LIMITS) -> LocalOutcome:
    """Return how the interpreter runs a definition with the same answers of tasks."""
    settings = LocalSettings(BEGIN, limits=limits)
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
