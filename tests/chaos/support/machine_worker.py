"""A worker process to kill, with the stages of state machines: `run` with JSON orders in sys.argv.

Executions, timers, tasks, scheduler, Faust apps and producer are the product's. The results bucket is a folder, and
the AWS services are fakes that note each effect in a ledger. The orders may name a planted bug.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import random
import signal
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec

from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.producer import AsyncProducer
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.serde import codec
from headrace.streams import pipeline
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.headers import due_at
from headrace.streams.engine.processor import Processor
from headrace.streams.engine.scheduler import KeyedScheduler, RecordHandler
from headrace.streams.errors import ThrottledError, TransientError
from headrace.streams.executions.client import MachineClient
from headrace.streams.executions.records import RecordWriter
from headrace.streams.executions.tasks import task_router
from headrace.streams.executions.tasks.ports import TaskError
from headrace.streams.kafka.faust_app import FaustHost, create_app
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.pipeline_config import PipelineConfig
from headrace.streams.results import ResultsStore
from headrace.streams.services import Services
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import Stage
from headrace.streams.worker.machine_stages import MACHINE_STAGES, MachineResources, MachineStages
from tests.chaos.support import worker
from tests.chaos.support.machine_answers import error_of, result_of_state
from tests.chaos.support.worker import Orders, ShortDelays
from tests.support.directory_bucket import FolderBucket
from tests.support.prices import PRICES

ALLOWED = ("rekognition:*", "sqs:*")
BUGS = ("history not sent", "drawn token")
SUSPENDED = "suspended before a state"
"""The bug of a worker that suspends itself before it writes its first state."""
THROTTLED, FAILING_BEFORE, FAILING_AFTER = 0.05, 0.03, 0.03
"""Shares of the calls of services that fail."""


class Effect(msgspec.Struct, frozen=True):
    """A call of a service that had its effect."""

    token: str
    state: str


def effects(folder: Path) -> list[Effect]:
    """Return the ledger."""
    file = folder / "calls"
    return [msgspec.json.decode(line, type=Effect) for line in file.read_bytes().splitlines()] if file.exists() else []


class FaultyServices:
    """Services that throttle, and fail before or after their effect. A repeated token has no second effect."""

    def __init__(self, folder: Path, draw: random.Random, client: MachineClient) -> None:
        self._file = folder / "calls"
        self._draw = draw
        self._client = client
        self._read = 0
        self._known: set[str] = set()

    async def call(self, service: str, action: str, parameters: Any, token: str) -> Any:
        """Answer a task by its state."""
        fault = self._draw.random()
        if fault < THROTTLED:
            raise ThrottledError("slow down")
        if fault < THROTTLED + FAILING_BEFORE:
            raise TransientError("unavailable before the effect")
        state = parameters["state"]
        self._note(Effect(token, state))
        if fault > 1 - FAILING_AFTER:
            raise TransientError("unavailable after the effect")
        error = error_of(state)
        if "token" in parameters:
            if error is None:
                await self._client.task_success(parameters["token"], result_of_state(state))
            else:
                await self._client.task_failure(parameters["token"], error, "chaos")
            return {}
        if error is not None:
            raise TaskError(error, "chaos")
        return result_of_state(state)

    async def get_object(self, bucket: str, key: str) -> bytes:
        """Fail: no machine reads a dataset."""
        raise TaskError("S3.NoSuchKeyException", key)

    async def put_object(self, bucket: str, key: str, content: bytes) -> None:
        """Fail: no machine writes results."""
        raise TaskError("S3.NoSuchBucketException", bucket)

    def _note(self, effect: Effect) -> None:
        with self._file.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(self._read)
            self._known.update(msgspec.json.decode(line, type=Effect).token for line in file)
            if effect.token not in self._known:
                file.write(msgspec.json.encode(effect) + b"\n")
            file.flush()
            self._read = file.tell()
            self._known.add(effect.token)


class BuggySender(AsyncProducer):
    """A producer that has one of the planted bugs, or none."""

    def __init__(self, cluster: KafkaSettings, bug: str) -> None:
        super().__init__(clients.producer(cluster))
        self._bug = bug

    async def send(self, records: Sequence[ProducerRecord]) -> None:
        """Send records and wait for the acknowledgement."""
        if self._bug == "history not sent":
            records = [each for each in records if each.topic != topics.MACHINE_HISTORY.name]
        if self._bug == SUSPENDED and any(each.topic == topics.MACHINE_STATE.name for each in records):
            self._bug = ""
            os.kill(os.getpid(), signal.SIGSTOP)
        await super().send(records)


def all_stages() -> tuple[Stage, ...]:
    """Return the stages of a pipeline with state machines, whose topics the tasks read."""
    return tuple(pipeline.stages(PipelineConfig({"machines": {"on": True}})))


def machine_stages() -> list[Stage]:
    """Return the stages of state machines."""
    return [stage for stage in all_stages() if stage.name in MACHINE_STAGES]


async def main(orders: Orders) -> None:
    """Run until SIGTERM. Raises the error that stops a stage."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    if orders.bug == "drawn token":
        vars(task_router)["job_task_token"] = lambda *_: f"machine-tasks-{os.urandom(20).hex()}"
    cluster = KafkaSettings(bootstrap_servers=orders.bootstrap_servers)
    settings = StreamSettings.model_construct(
        in_flight=64, buffer_bytes=1 << 22, drain_seconds=5.0, commit_seconds=0.2, session_seconds=2.5
    )
    book, folder = codec.load(), Path(orders.folder)
    bucket = FolderBucket(folder / "results")
    sender = BuggySender(cluster, orders.bug)
    client = MachineClient(sender.send, RecordWriter(book, None))
    services = FaultyServices(folder, random.Random(orders.seed), client)
    machines = MachineStages(MachineResources(cluster, book, bucket, sender, services, ALLOWED, all_stages()))
    unused: Any = None
    draw = ShortDelays(orders.seed)
    services_of_stages = Services(*[unused] * len(fields(Services)))
    context = RunnerContext(book, ResultsStore(bucket), services_of_stages, UnlimitedSlots(), PRICES, draw=draw)
    machines.follower.start(0.0)
    while not machines.follower.caught_up:
        await asyncio.sleep(0.05)
    hosts = [_host(stage, machines, context, sender, settings, cluster) for stage in machine_stages()]
    for host in hosts:
        await host.start()
    while not stop.is_set():
        for host in hosts:
            failure = host.failure()
            if failure is not None:
                raise failure
        await asyncio.sleep(0.05)
    await asyncio.gather(*(host.stop() for host in hosts))
    machines.follower.stop()


def _host(
    stage: Stage,
    machines: MachineStages,
    context: RunnerContext,
    sender: AsyncProducer,
    settings: StreamSettings,
    cluster: KafkaSettings,
) -> FaustHost:
    """Wire a stage as the product does."""
    stage = machines.bind(stage)
    processor = Processor(stage, context, sender)
    work = machines.observed(stage, RecordHandler(processor.process, processor.on_deadline, due_at))
    limits = settings.in_flight, settings.buffer_bytes, stage.deadline_seconds
    scheduler = KeyedScheduler(work, *limits, stage.ordered)
    machines.scheduled_by(stage, scheduler)
    return FaustHost(create_app(stage, scheduler, settings, cluster))


def run() -> None:
    """Run a worker with the orders in sys.argv."""
    worker.run(main)
