"""An engine of executions in memory: the pure core, a virtual clock, and the tables of the views in SQLite."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, StaticPool, create_engine

from headrace.console.machines.arns import ArnFactory
from headrace.console.machines.pending import PendingStarts, RecentAnswers
from headrace.console.machines.port import ActivityTask, MachineServices
from headrace.console.machines.view_reader import ViewExecutions
from headrace.console.views import tables
from headrace.console.views.apply_executions import apply_executions
from headrace.console.views.fold_executions import execution_number
from headrace.console.views.sql_store import SqlStore
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import ExecutionAdvanced, HistoryEntry
from headrace.streams.executions.arns import execution_arn
from headrace.streams.executions.definitions import (
    DefinitionRecord,
    DefinitionTable,
    MachineRecord,
    ResolvedMachine,
    definition_record,
    removal_record,
    revision_of,
    revision_record,
)
from headrace.streams.executions.tokens import decode_token
from headrace.streams.machines.execution.advance import ExecutionTransition, advance
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
from headrace.streams.machines.execution.record import Execution, MapRunLimits
from headrace.streams.machines.execution.resources import parse_resource
from headrace.streams.machines.execution.snapshot import json_bytes
from headrace.streams.machines.execution.stimuli import (
    ChildFinished,
    Heartbeat,
    RedriveExecution,
    StartExecution,
    Stimulus,
    StopExecution,
    TaskFailed,
    TaskStarted,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
    UpdateMapRun,
)
from headrace.streams.machines.local_run.mocks import MockedAnswer, Mocks

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
END_OF_TIME = datetime.max.replace(tzinfo=UTC)
FACTORY = ArnFactory("us-east-1", "123456789012")


def memory_views() -> Engine:
    """Return a SQLite database in memory with the tables of the views."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    tables.METADATA.create_all(engine)
    return engine


class MemoryLimits:
    """The changed limits of Map Runs, in memory."""

    def __init__(self) -> None:
        self._limits: dict[str, MapRunLimits] = {}

    def get(self, arn: str) -> MapRunLimits:
        return self._limits.get(arn, MapRunLimits())

    async def put(self, arn: str, limits: MapRunLimits) -> None:
        self._limits[arn] = self.get(arn).changed(limits)


class MemoryEngine:
    """Runs executions as far as their tasks are answered. Tasks of states without mocks wait for their token.

    With `echo`, they return their input instead. Timers fire if nothing else can happen, unless `holds_timers`.
    """

    def __init__(
        self, mocks: Mapping[str, Any] | None = None, *, echo: bool = False, holds_timers: bool = False
    ) -> None:
        self.table = DefinitionTable()
        self.views = memory_views()
        self.now = BEGIN
        self.tokens: dict[str, str] = {}
        self.activities: deque[tuple[str, ActivityTask]] = deque()
        self.transitions: list[ExecutionAdvanced] = []
        self.commands: list[Command] = []
        self._executions: dict[str, Execution] = {}
        self._origins: dict[str, ResolvedMachine] = {}
        self._parents: dict[str, tuple[str, str]] = {}
        self._inbox: deque[tuple[str, Stimulus]] = deque()
        self._timers: list[tuple[datetime, int, str, str]] = []
        self._number = 0
        self._unfolded = 0
        self._offset = 0
        self.starts: list[str] = []
        self.limits = MemoryLimits()
        self._echo = echo
        self._holds_timers = holds_timers
        self.use_mocks(mocks or {})

    def use_mocks(self, mocks: Mapping[str, Any]) -> None:
        """Answer the tasks of the next executions with mocks."""
        self._mocks = Mocks(dict(mocks), echo=self._echo)
        self._mocked = set(mocks)

    def services(self) -> MachineServices:
        """Return services that use this engine."""
        return MachineServices(
            table=self.table,
            commands=self,
            reader=ViewExecutions(self.connect),
            load_details=lambda pointer: b"",
            take_activity_task=self._take_activity_task,
            arns=FACTORY,
            now=self._tick,
            seed=self._seed,
            pending=PendingStarts(),
            recent=RecentAnswers(),
            map_run_limits=self.limits,
        )

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        with self.views.begin() as connection:
            yield connection

    async def deploy(self, record: MachineRecord, definition: bytes) -> None:
        self._take(revision_record(definition))
        self._take(definition_record(record))

    async def put(self, content: DefinitionRecord) -> None:
        self._take(definition_record(content))

    async def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._take(removal_record(key))

    async def start(self, resolved: ResolvedMachine, name: str, value: Any, *, generated_name: bool = False) -> str:
        machine = resolved.machine
        arn = execution_arn(machine.arn, name)
        self._origins[arn] = resolved
        self.starts.append(arn)
        start = StartExecution(
            self.now,
            self._seed(),
            id=arn,
            name=name,
            input=value,
            machine_id=machine.arn,
            machine_name=machine.name,
            role_arn=machine.role_arn,
        )
        self._send(arn, start)
        return arn

    async def stop(self, execution: str, redrives: int, error: str | None = None, cause: str | None = None) -> None:
        self._send(execution, StopExecution(self.now, self._seed(), redrives, error, cause))

    async def redrive(
        self, execution: str, number: int, inputs: Mapping[str, Any] | None = None, revision: str | None = None
    ) -> None:
        if revision is not None:
            self._origins[execution] = self._origins[execution]._replace(revision=revision)
        self._send(execution, RedriveExecution(self.now, self._seed(), number, dict(inputs or {})))

    async def update_map_run(self, execution: str, run: str, limits: MapRunLimits) -> None:
        self._send(execution, UpdateMapRun(self.now, self._seed(), run, limits))

    async def task_success(self, token: str, output: Any) -> None:
        execution, task = decode_token(token)
        self._send(execution, TaskSucceeded(self.now, self._seed(), task, output))

    async def task_failure(self, token: str, error: str | None = None, cause: str | None = None) -> None:
        execution, task = decode_token(token)
        self._send(execution, TaskFailed(self.now, self._seed(), task, error, cause))

    async def task_heartbeat(self, token: str) -> None:
        execution, task = decode_token(token)
        self._send(execution, Heartbeat(self.now, self._seed(), task))

    async def task_started(self, execution: str, task: str) -> None:
        self._send(execution, TaskStarted(self.now, self._seed(), task))

    def fire_timers(self, seconds: float = float("inf")) -> None:
        """Let all timers fire that are due within some seconds."""
        self._run(END_OF_TIME if seconds == float("inf") else self.now + timedelta(seconds=seconds))

    async def _take_activity_task(self, arn: str, seconds: float) -> ActivityTask | None:
        for entry in self.activities:
            if entry[0] == arn:
                self.activities.remove(entry)
                return entry[1]
        return None

    def _take(self, record: ProducerRecord) -> None:
        self._offset += 1
        self.table.take(ConsumerRecord(record.topic, 0, self._offset, 0.0, record.key, record.value))

    def _tick(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def _seed(self) -> int:
        self._number += 1
        return self._number * 0x9E3779B97F4A7C15 % 2**63

    def _send(self, arn: str, stimulus: Stimulus) -> None:
        self._inbox.append((arn, stimulus))
        self._run(BEGIN if self._holds_timers else END_OF_TIME)

    def _run(self, timers_until: datetime) -> None:
        while self._inbox or (self._timers and self._timers[0][0] <= timers_until):
            if not self._inbox:
                due, _, arn, timer = heappop(self._timers)
                if self._executions[arn].status != "RUNNING":
                    continue
                self.now = max(self.now, due)
                self._inbox.append((arn, TimerFired(self.now, self._seed(), timer)))
            self._apply(*self._inbox.popleft())
        self._fold()

    def _apply(self, arn: str, stimulus: Stimulus) -> None:
        machine = self.table.compiled(self._origins[arn].revision)
        before = self._executions.get(arn)
        transition = advance(machine, before, stimulus)
        if transition.execution is before:
            return
        self._executions[arn] = transition.execution
        self.transitions.append(self._advanced(transition))
        self.commands.extend(transition.commands)
        for command in transition.commands:
            self._obey(arn, command)

    def _advanced(self, transition: ExecutionTransition) -> ExecutionAdvanced:
        execution = transition.execution
        origin = self._origins[execution.id]
        return ExecutionAdvanced(
            execution=execution.id,
            name=execution.name,
            machine=execution.machine_id,
            revision=origin.revision,
            version=origin.version,
            alias=origin.alias,
            parent=self._parents.get(execution.id, (None,))[0],
            map_run=execution.map_run_arn,
            sequence=execution.sequence,
            part=0,
            status=execution.status,
            error=execution.error,
            cause=execution.cause,
            started_at=execution.started_at,
            redrives=execution.redrive_count,
            events=tuple(
                HistoryEntry(
                    id=event.id,
                    previous=event.previous,
                    at=event.at,
                    type=event.type,
                    details=json_bytes(event.details).decode(),
                    pointer=None,
                )
                for event in transition.events
            ),
        )

    def _obey(self, arn: str, command: Command) -> None:
        if isinstance(command, SubmitTask):
            self._submit(arn, command)
        elif isinstance(command, SetTimer):
            heappush(self._timers, (command.due, self._seed(), arn, command.timer))
        elif isinstance(command, StartChild):
            self._start_child(arn, command)
        elif isinstance(command, StopChild):
            self._inbox.append((f"{arn}/{command.child}", StopExecution(self.now, self._seed(), 0)))
        elif isinstance(command, ReadItems):
            self._answer(arn, command.task, self._mocks.next(command.state, []))
        elif isinstance(command, WriteResults):
            self._answer(arn, command.task, MockedAnswer(result={"Bucket": "results", "Key": "manifest.json"}))
        elif isinstance(command, FinishExecution) and arn in self._parents:
            parent, child = self._parents[arn]
            ended = (command.status, command.output, command.error, command.cause)
            self._inbox.append((parent, ChildFinished(self.now, self._seed(), child, *ended)))

    def _submit(self, arn: str, command: SubmitTask) -> None:
        if command.token is not None:
            self.tokens[command.state] = command.token
        if command.state not in self._mocked and not self._echo:
            if parse_resource(command.resource).kind == "Activity" and command.token is not None:
                text = json_bytes(command.input).decode()
                self.activities.append((command.resource, ActivityTask(command.token, text, arn, command.task)))
            return
        self._inbox.append((arn, TaskStarted(self.now, self._seed(), command.task)))
        if parse_resource(command.resource).pattern:
            self._inbox.append((arn, TaskSubmitted(self.now, self._seed(), command.task, {})))
        self._answer(arn, command.task, self._mocks.next(command.state, command.input))

    def _answer(self, arn: str, task: str, answer: MockedAnswer) -> None:
        if answer.failed:
            self._inbox.append((arn, TaskFailed(self.now, self._seed(), task, answer.error, answer.cause)))
        else:
            self._inbox.append((arn, TaskSucceeded(self.now, self._seed(), task, answer.result)))

    def _start_child(self, arn: str, command: StartChild) -> None:
        child = f"{arn}/{command.child}"
        parent = self._executions[arn]
        self._parents[child], self._origins[child] = (arn, command.child), self._origins[arn]
        start = StartExecution(
            self.now,
            self._seed(),
            id=child,
            name=command.child,
            input=command.input,
            machine_id=parent.machine_id,
            machine_name=parent.machine_name,
            role_arn=parent.role_arn,
            flow=command.flow,
            map_run_arn=command.map_run_arn,
        )
        self._inbox.append((child, start))

    def _fold(self) -> None:
        """Write the new transitions to the views."""
        grouped: dict[int, list[ExecutionAdvanced]] = {}
        for transition in self.transitions[self._unfolded :]:
            grouped.setdefault(execution_number(transition.execution), []).append(transition)
        self._unfolded = len(self.transitions)
        with self.views.begin() as connection:
            apply_executions(grouped, SqlStore(connection))


def transitions_of(definition: Any, value: Any, mocks: Mapping[str, Any], name: str = "e") -> list[ExecutionAdvanced]:
    """Return the transitions of one execution of a machine."""

    async def run() -> list[ExecutionAdvanced]:
        engine = MemoryEngine(mocks)
        content = msgspec.json.encode(definition)
        await engine.deploy(MachineRecord(name="m", arn=FACTORY.machine("m"), revision=revision_of(content)), content)
        await engine.start(engine.table.resolve("m"), name, value)
        return engine.transitions

    return asyncio.run(run())
