"""A log in memory, and a worker on it that can be killed at each of its effects."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from headrace.schemas import topics
from headrace.schemas.cloudevents import EventMetadata, from_headers
from headrace.schemas.ids import derived_id
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import ExecutionAdvanced, StimulusReceived, TaskScheduled
from headrace.schemas.serde.catalog import versions
from headrace.schemas.serde.codec import Codec
from headrace.streams.executions.archive import ExecutionArchive
from headrace.streams.executions.definitions import (
    DefinitionTable,
    MachineRecord,
    definition_record,
    revision_of,
    revision_record,
)
from headrace.streams.executions.execution_router import ExecutionRouter
from headrace.streams.executions.inbox import DeliverStimulus, InboxMessage, ResolvedStart, StopNested
from headrace.streams.executions.json_codec import decode_json
from headrace.streams.executions.owned_partitions import OwnedPartitions
from headrace.streams.executions.partition_executions import PartitionExecutions
from headrace.streams.executions.payload_store import PayloadStore
from headrace.streams.executions.records import RecordWriter, SendRecords
from headrace.streams.executions.tasks.answers import AnswerStore
from headrace.streams.executions.tasks.task_router import TaskKinds, TaskRouter
from headrace.streams.executions.timer_loop import TimerLoop
from headrace.streams.executions.transitions import ExecutionPorts
from headrace.streams.machines.execution.commands import ReadItems, SubmitTask, WriteResults
from headrace.streams.machines.execution.record import NO_LIMITS, ExecutionLimits
from headrace.streams.machines.execution.stimuli import StartExecution, Stimulus

MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:m"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
CODEC = Codec(versions())
COMMANDS = SubmitTask | ReadItems | WriteResults
SERVICE = ":states:startExecution"
"""Tasks that start an execution run as in the product."""

Answer = Callable[[Any, datetime, int], Sequence[Stimulus]]
"""Returns the answers of a task, from its command, the time and a seed."""


class KilledError(BaseException):
    """The worker is killed."""


class LongRunError(AssertionError):
    """The executions need more steps than a test has time for, or do not end."""


class FakeBucket:
    """A bucket in memory."""

    name = "results"

    def __init__(self, effect: Callable[[], None]) -> None:
        self.objects: dict[str, bytes] = {}
        self._effect = effect

    async def list(self, prefix: str, after: str) -> list[str]:
        return sorted(key for key in self.objects if key.startswith(prefix) and key > after)[:1000]

    async def get(self, key: str) -> bytes | None:
        return self.objects.get(key)

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        self._effect()
        self.objects[key] = content
        self._effect()


class FakeLog:
    """Topics of one partition, and a bucket. `countdown` is the number of effects until the worker is killed."""

    def __init__(self) -> None:
        self.topics: dict[str, list[ConsumerRecord]] = defaultdict(list)
        self.bucket = FakeBucket(self.effect)
        self.now = BEGIN
        self.countdown: int | None = None
        self.effects = 0
        self.positions: dict[str, int] = {}
        """The committed offsets."""

    def effect(self) -> None:
        self.effects += 1
        if self.countdown is not None:
            self.countdown -= 1
            if self.countdown < 0:
                self.countdown = None
                raise KilledError

    async def send(self, records: Sequence[ProducerRecord]) -> None:
        for record in records:
            self.effect()
            self.append(record)
        self.effect()

    def append(self, record: ProducerRecord) -> None:
        log = self.topics[record.topic]
        log.append(
            ConsumerRecord(
                record.topic, 0, len(log), self.now.timestamp(), record.key, record.value, tuple(record.headers)
            )
        )

    def deploy(self, definition: object, name: str = "m") -> str:
        content = msgspec.json.encode(definition)
        arn = MACHINE.replace(":m", f":{name}")
        self.append(revision_record(content))
        self.append(definition_record(MachineRecord(name=name, arn=arn, revision=revision_of(content))))
        return revision_of(content)

    def start(
        self, revision: str, value: object, name: str = "e", limits: ExecutionLimits = NO_LIMITS, **fields: Any
    ) -> str:
        return asyncio.run(self.start_now(revision, value, name, limits, **fields))

    async def start_now(
        self, revision: str, value: object = None, name: str = "e", limits: ExecutionLimits = NO_LIMITS, **fields: Any
    ) -> str:
        arn = MACHINE.replace("stateMachine", "execution") + f":{name}"
        start = StartExecution(
            self.now, 7, id=arn, name=name, input=value, machine_id=MACHINE, machine_name="m", limits=limits
        )
        await self.receive(arn, ResolvedStart(start, revision, **fields), f"start-{name}")
        return arn

    async def receive(self, execution: str, message: InboxMessage, id_: str) -> None:
        self.append(await RecordWriter(CODEC, None, lambda: self.now).inbox(execution, message, id_, None))

    def history(self, execution: str) -> list[ExecutionAdvanced]:
        """Return the history of an execution, each transition once; redelivered ones must be equal."""
        found: dict[tuple[int, int], ExecutionAdvanced] = {}
        for record in self.topics[topics.MACHINE_HISTORY.name]:
            event = CODEC.decode(record.value)
            assert isinstance(event, ExecutionAdvanced)
            if event.execution == execution:
                assert found.setdefault((event.sequence, event.part), event) == event
        return [found[key] for key in sorted(found)]

    def events(self, execution: str) -> list[str]:
        """Return the types of the events of an execution, whose numbers must have no gaps."""
        entries = [entry for record in self.history(execution) for entry in record.events]
        assert [entry.id for entry in entries] == list(range(1, len(entries) + 1))
        return [entry.type for entry in entries]

    def open_executions(self) -> set[str]:
        """Return the keys of the compacted state topic."""
        latest = {record.key: record.value for record in self.topics[topics.MACHINE_STATE.name]}
        return {key.decode() for key, value in latest.items() if key is not None and value is not None}


class FakeWorker:
    """A process with the executions and the tasks of a log. It commits every `commit_every` records.

    With 0 it commits each record before it processes it: the bug that the tests must find.
    """

    def __init__(self, log: FakeLog, answer: Answer, commit_every: int = 1, send: SendRecords | None = None) -> None:
        self.log = log
        send = send or log.send
        self._answer = answer
        self._commit_every = commit_every
        self._is_assigned = False
        self._position = dict(log.positions)
        payloads = PayloadStore(log.bucket, 2_000)
        self._payloads = payloads
        self.writer = RecordWriter(CODEC, payloads, lambda: log.now)
        definitions = DefinitionTable()
        for record in log.topics[topics.MACHINE_DEFINITIONS.name]:
            definitions.take(record)
        self.owned = OwnedPartitions(lambda _: list(log.topics[topics.MACHINE_STATE.name]), payloads, send)
        archive = ExecutionArchive(log.bucket, payloads)
        unused: Any = None
        kinds = TaskKinds(definitions, unused, unused, unused, unused)
        self._nested = TaskRouter(kinds, AnswerStore(log.bucket, payloads), unused, self.writer)
        self.router = ExecutionRouter(ExecutionPorts(definitions, payloads, archive, self.writer, send), self.owned)
        self.router.transitions.upcoming = self._upcoming
        self.timers = TimerLoop(self.owned, self.writer, send, lambda: log.now.timestamp())

    async def run(self, most: int = 5_000) -> None:
        """Work until nothing is left; an idle worker moves the clock to the next timer."""
        executions = await self.executions()
        for _ in range(most):
            if await self._next(topics.MACHINE_INBOX.name, self._advance):
                continue
            if await self._next(topics.MACHINE_TASKS.name, self._run_task):
                continue
            if await self.timers.fire(executions):
                continue
            due = executions.timers.next_due()
            if due is None:
                return
            self.log.now = max(self.log.now, datetime.fromtimestamp(due, UTC) + timedelta(milliseconds=1))
        raise LongRunError

    async def executions(self) -> PartitionExecutions:
        """Return the open executions; the first call assigns the partition."""
        if not self._is_assigned:
            self.owned.assign(0)
            self._is_assigned = True
        return await self.owned.get(0)

    async def _next(self, topic: str, process: Callable[[ConsumerRecord], Any]) -> bool:
        position = self._position.get(topic, 0)
        if position >= len(self.log.topics[topic]):
            return False
        if not self._commit_every:
            self.log.positions[topic] = position + 1
        await process(self.log.topics[topic][position])
        self._position[topic] = position + 1
        if self._commit_every and (position + 1) % self._commit_every == 0:
            self.log.positions[topic] = position + 1
        return True

    async def _advance(self, record: ConsumerRecord) -> None:
        event = CODEC.decode(record.value)
        assert isinstance(event, StimulusReceived)
        await self.executions()
        routed = await self.router.route(record, event, from_headers(record.headers))
        await self.log.send(routed or ())

    def _upcoming(self, record: ConsumerRecord, most: int) -> list[ConsumerRecord]:
        """Return the later records of an execution, as the scheduler does."""
        later = self.log.topics[record.topic][record.offset + 1 :]
        return [each for each in later if each.key == record.key][:most]

    async def _run_task(self, record: ConsumerRecord) -> None:
        event = CODEC.decode(record.value)
        assert isinstance(event, TaskScheduled)
        if event.kind == StopNested.__name__ or SERVICE in event.body:
            await self.log.send(await self._nested.route(record, event, from_headers(record.headers)) or ())
            return
        command = decode_json(await self._payloads.expand(event.body), COMMANDS)
        id_ = derived_id(event.execution, "answer", event.task)
        envelope: EventMetadata = from_headers(record.headers)
        for number, stimulus in enumerate(self._answer(command, self.log.now, int(id_[:8], 16))):
            message = DeliverStimulus(stimulus)  # type: ignore[arg-type]
            own = derived_id(id_, "answer", number)
            await self.log.send([await self.writer.inbox(event.execution, message, own, envelope)])


def run_to_the_end(log: FakeLog, answer: Answer, kill_after: int | None = None, commit_every: int = 1) -> int:
    """Run workers on a log, the first of which is killed after some effects; return the number of effects."""
    log.effects, log.countdown = 0, kill_after
    while True:
        try:
            asyncio.run(FakeWorker(log, answer, commit_every).run())
        except KilledError:
            continue
        return log.effects
