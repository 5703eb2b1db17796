"""Build what the stages of state machines share in a process, and give it to their handlers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from headrace.schemas import topics
from headrace.schemas.http_calls import HttpCalls
from headrace.schemas.kafka.partition_reader import read_partition
from headrace.schemas.kafka.producer import AsyncProducer
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.kafka.topic_follower import TopicFollower
from headrace.schemas.serde.codec import Codec
from headrace.streams.engine.partition import TopicPartition
from headrace.streams.engine.scheduler import KeyedScheduler, RecordHandler
from headrace.streams.executions.archive import ExecutionArchive
from headrace.streams.executions.definitions import DefinitionTable
from headrace.streams.executions.execution_router import ExecutionRouter
from headrace.streams.executions.owned_partitions import OwnedPartitions
from headrace.streams.executions.payload_store import PayloadStore
from headrace.streams.executions.records import RecordWriter
from headrace.streams.executions.tasks.answers import AnswerStore
from headrace.streams.executions.tasks.completions import Completions
from headrace.streams.executions.tasks.dataset_task import DatasetTasks
from headrace.streams.executions.tasks.job_task import StartedTasks
from headrace.streams.executions.tasks.ports import ServiceCalls
from headrace.streams.executions.tasks.service_task import ServiceTasks
from headrace.streams.executions.tasks.stage_task import StageTasks
from headrace.streams.executions.tasks.task_router import TaskKinds, TaskRouter
from headrace.streams.executions.timer_loop import TimerLoop
from headrace.streams.executions.transitions import ExecutionPorts
from headrace.streams.handlers import Router, RouteRecord
from headrace.streams.results import ResultsBucket, ResultsStore
from headrace.streams.stage import Stage
from headrace.streams.stages import machine_tasks, machines

MACHINE_STAGES = (machines.STAGE.name, machine_tasks.STAGE.name)
"""The stages whose handlers are built here."""


@dataclass(frozen=True, slots=True)
class MachineResources:
    """The connections of the process that executions use."""

    cluster: KafkaSettings
    codec: Codec
    bucket: ResultsBucket
    producer: AsyncProducer
    calls: ServiceCalls
    allowed: tuple[str, ...]
    stages: Sequence[Stage]
    """Every stage of the deployment."""
    http: HttpCalls | None = None


class MachineStages:
    """Executions, timers and tasks of one process."""

    def __init__(self, resources: MachineResources) -> None:
        self._definitions = DefinitionTable()
        self.follower = TopicFollower(resources.cluster, (topics.MACHINE_DEFINITIONS,), self._definitions.take)
        payloads = PayloadStore(resources.bucket)
        writer = RecordWriter(resources.codec, payloads)
        archive = ExecutionArchive(resources.bucket, payloads)
        ports = ExecutionPorts(self._definitions, payloads, archive, writer, resources.producer.send)
        read = partial(read_partition, resources.cluster, topics.MACHINE_STATE.name)
        self._owned = OwnedPartitions(read, payloads, resources.producer.send)
        self._timers = TimerLoop(self._owned, writer, resources.producer.send)
        self._timer_task: asyncio.Task[None] | None = None
        self._router = ExecutionRouter(ports, self._owned)
        self._routes: dict[str, RouteRecord] = {
            machines.STAGE.name: self._router.route,
            machine_tasks.STAGE.name: _task_router(resources, self._definitions, payloads, writer).route,
        }

    def bind(self, stage: Stage) -> Stage:
        """Return a stage with its handler; a stage that is not one of state machines is returned as it is."""
        route = self._routes.get(stage.name)
        return stage if route is None else replace(stage, handler=Router(route))

    def observed(self, stage: Stage, work: RecordHandler) -> RecordHandler:
        """Return the functions of the stage that advances executions, which follow the assignment of its inbox."""
        if stage.name != machines.STAGE.name:
            return work
        return work._replace(assigned=_of_inbox(self._assign), dropped=_of_inbox(self._owned.drop))

    def scheduled_by(self, stage: Stage, scheduler: KeyedScheduler) -> None:
        """Let the stage that advances executions see which records wait behind a running one."""
        if stage.name == machines.STAGE.name:
            self._router.transitions.upcoming = scheduler.upcoming

    def _assign(self, partition: int) -> None:
        self._owned.assign(partition)
        if self._timer_task is None or self._timer_task.done():
            self._timer_task = asyncio.get_running_loop().create_task(self._timers.run())


def _task_router(
    resources: MachineResources, definitions: DefinitionTable, payloads: PayloadStore, writer: RecordWriter
) -> TaskRouter:
    bucket, stages = resources.bucket, resources.stages
    jobs, stage_tasks = StartedTasks(bucket), StageTasks(stages, bucket, resources.codec)
    services = ServiceTasks(resources.calls, resources.allowed, resources.http)
    kinds = TaskKinds(definitions, services, DatasetTasks(resources.calls), stage_tasks, jobs)
    completions = Completions(stage_tasks, jobs, ResultsStore(bucket), writer)
    return TaskRouter(kinds, AnswerStore(bucket, payloads), completions, writer)


def _of_inbox(call: Callable[[int], None]) -> Callable[[TopicPartition], None]:
    """Return a function that passes on the partitions of the inbox."""

    def on_partition(partition: TopicPartition) -> None:
        if partition[0] == topics.MACHINE_INBOX.name:
            call(partition[1])

    return on_partition
