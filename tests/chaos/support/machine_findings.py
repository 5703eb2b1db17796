"""What the topics of state machines hold at the end of a run, and how it differs from what the interpreter says."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headrace.schemas import topics
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.records import ExecutionAdvanced, StimulusReceived, TaskScheduled
from headrace.schemas.serde import codec
from headrace.streams.executions.arns import execution_arn
from headrace.streams.executions.inbox import (
    AnswerByToken,
    DeliverStimulus,
    InboxMessage,
    ResolvedStart,
    StopForParent,
)
from headrace.streams.executions.json_codec import decode_json
from headrace.streams.executions.payload_store import PayloadStore
from headrace.streams.executions.tasks.job_task import job_task_token
from headrace.streams.executions.tokens import token_digest
from headrace.streams.machines.definition.model import Machine
from headrace.streams.machines.definition.parse import parse_machine
from headrace.streams.machines.execution.advance import advance
from headrace.streams.machines.execution.commands import SubmitTask
from headrace.streams.machines.execution.record import Execution, ExecutionLimits
from headrace.streams.machines.execution.stimuli import Stimulus, StopExecution
from tests.chaos.support import machine_worker
from tests.chaos.support.machine_chaos import interpreted, is_sequential
from tests.chaos.support.observer import read_back
from tests.support.directory_bucket import FolderBucket

ARN = "arn:aws:states:eu-central-1:123456789012:stateMachine:"
LIMITS = ExecutionLimits(payload_bytes=200_000, events=100)


class Findings:
    """What the topics hold at the end of a run."""

    def __init__(self, settings: KafkaSettings, folder: Path, definitions: dict[str, dict[str, Any]]) -> None:
        self._definitions = definitions
        self._folder = folder
        self._settings = settings
        self._book = codec.load()
        self._inbox = _ordered(read_back(settings, [topics.MACHINE_INBOX.name]))
        self.history: dict[str, dict[tuple[int, int], ExecutionAdvanced]] = {}
        for record in _ordered(read_back(settings, [topics.MACHINE_HISTORY.name])):
            event = self._book.decode(record.value)
            assert isinstance(event, ExecutionAdvanced)
            self.history.setdefault(event.execution, {}).setdefault((event.sequence, event.part), event)
        scheduled = [self._book.decode(each.value) for each in read_back(settings, [topics.MACHINE_TASKS.name])]
        self.tasks = {(each.execution, each.task) for each in scheduled if isinstance(each, TaskScheduled)}
        self._bodies = {(each.execution, each.task, each.body) for each in scheduled if isinstance(each, TaskScheduled)}

    def anomalies(self) -> Iterator[str]:
        """Yield each difference from what must hold."""
        yield from self._letters()
        yield from self._gaps()
        yield from self._ends()
        yield from self._folds()
        yield from self._effects()
        yield from (f"{each} is still open" for each in open_executions(self._settings))

    def _letters(self) -> Iterator[str]:
        for stage in machine_worker.machine_stages():
            for record in read_back(self._settings, [topics.dead_letters(stage.name).name]):
                headers = dict(record.headers)
                yield f"dead letter of {stage.name}: {headers.get('dlq-code')!r} {headers.get('dlq-reason')!r}"

    def _gaps(self) -> Iterator[str]:
        for execution in self.history:
            ids = [entry.id for record in self._records(execution) for entry in record.events]
            if ids != list(range(1, len(ids) + 1)):
                yield f"{execution} has a history with gaps: {ids}"

    def _ends(self) -> Iterator[str]:
        """Yield roots that end otherwise than the interpreter says."""
        for execution, definition in self._definitions.items():
            if execution not in self.history:
                yield f"{execution} has no history"
                continue
            status, error = self._end(execution)
            if status == "RUNNING":
                yield f"{execution} has not ended"
            elif is_sequential(definition):
                expected = interpreted(definition, LIMITS).execution
                if (status, error) != (expected.status, expected.error):
                    yield f"{execution} is {status} ({error}), not {expected.status} ({expected.error})"

    def _folds(self) -> Iterator[str]:
        """Yield executions whose history is not what their inbox leads to."""
        folded: dict[str, list[str]] = {}
        executions: dict[str, Execution] = {}
        tokens: dict[tuple[str, str], str] = {}
        machines = {root: parse_machine(definition) for root, definition in self._definitions.items()}
        for execution, message in asyncio.run(self._messages()):
            current = executions.get(execution)
            stimulus = _stimulus(message, current, tokens)
            machine = _machine_of(execution, machines)
            if stimulus is None or machine is None:
                continue
            transition = advance(machine, current, stimulus)
            executions[execution] = transition.execution
            folded.setdefault(execution, []).extend(event.type for event in transition.events)
            for command in transition.commands:
                if isinstance(command, SubmitTask) and command.token is not None:
                    tokens[execution, command.task] = token_digest(command.token)
        for execution, expected in folded.items():
            if execution not in self.history:
                yield f"{execution} has no history"
                continue
            found = [entry.type for record in self._records(execution) for entry in record.events]
            if found != expected:
                yield f"{execution} has the history {found}, its inbox leads to {expected}"

    def _effects(self) -> Iterator[str]:
        """Yield tasks that were scheduled with two commands, or had two effects."""
        for task, count in Counter(each[:2] for each in self._bodies).items():
            if count > 1:
                yield f"{task} was scheduled with {count} different commands"
        known = {job_task_token(*task) for task in self.tasks}
        for effect in machine_worker.effects(self._folder):
            if effect.token not in known:
                yield f"an effect of {effect.state} has a token of no task"

    def _records(self, execution: str) -> list[ExecutionAdvanced]:
        found = self.history[execution]
        return [found[key] for key in sorted(found)]

    def _end(self, execution: str) -> tuple[str, str | None]:
        last = self._records(execution)[-1]
        return last.status, last.error

    async def _messages(self) -> list[tuple[str, InboxMessage]]:
        payloads = PayloadStore(FolderBucket(self._folder / "results"))
        found = []
        for record in self._inbox:
            event = self._book.decode(record.value)
            assert isinstance(event, StimulusReceived)
            found.append((event.execution, decode_json(await payloads.expand(event.body), InboxMessage)))
        return found


def _stimulus(message: InboxMessage, current: Execution | None, tokens: dict[tuple[str, str], str]) -> Stimulus | None:
    if isinstance(message, ResolvedStart):
        return message.stimulus if current is None else None
    if current is None:
        return None
    if isinstance(message, DeliverStimulus):
        return message.stimulus
    if isinstance(message, AnswerByToken):
        is_known = tokens.get((current.id, message.stimulus.task)) == message.token_sha256
        return message.stimulus if is_known else None
    if isinstance(message, StopForParent):
        return StopExecution(datetime.fromtimestamp(message.now, UTC), message.seed, current.redrive_count)
    return None


def _machine_of(execution: str, machines: dict[str, Machine]) -> Machine | None:
    """Return the machine of an execution; that of a child is the machine of its root."""
    name = execution.split(":")[6].partition("/")[0]
    return machines.get(execution_arn(ARN + name, "e"))


def _ordered(records: list[ConsumerRecord]) -> list[ConsumerRecord]:
    return sorted(records, key=lambda record: (record.partition, record.offset))


def open_executions(settings: KafkaSettings) -> set[str]:
    """Return the executions whose newest snapshot is not a tombstone."""
    latest: dict[bytes | None, bytes | None] = {}
    for record in _ordered(read_back(settings, [topics.MACHINE_STATE.name])):
        latest[record.key] = record.value
    return {key.decode() for key, value in latest.items() if key is not None and value is not None}
