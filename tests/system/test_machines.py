"""Executions on a real broker: they survive the end and the suspension of workers, and their timers fire in others."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.producer import AsyncProducer
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.records import ActivityScheduled, Event, ExecutionAdvanced
from headrace.schemas.serde import codec
from headrace.schemas.settings import load
from headrace.streams import pipeline
from headrace.streams.executions.client import MachineClient
from headrace.streams.executions.definitions import MachineRecord, ResolvedMachine, revision_of
from headrace.streams.executions.open_execution import STATE_VERSION
from headrace.streams.executions.records import RecordWriter
from headrace.streams.pipeline import Deployment
from headrace.streams.pipeline_config import PipelineConfig
from headrace.streams.settings import StreamSettings
from headrace.streams.worker import host
from tests.chaos.support import machine_worker
from tests.chaos.support.observer import read_back
from tests.chaos.support.worker import Orders
from tests.support import fork_server
from tests.support.prices import PRICES
from tests.support.process import wait_for

ARN = "arn:aws:states:eu-central-1:123456789012:stateMachine:"


@pytest.fixture(scope="module")
def kafka(cluster_env: dict[str, str]) -> KafkaSettings:
    settings = load(KafkaSettings)
    stages = pipeline.stages(PipelineConfig({"machines": {"on": True}}))
    clients.create_topics(clients.admin(settings), topics.table(stage.name for stage in stages), 1)
    return settings


@asynccontextmanager
async def worker(kafka: KafkaSettings) -> AsyncIterator[None]:
    """Run a worker with the stages of state machines."""
    deployment = pipeline.stages(PipelineConfig({"machines": {"on": True}}))
    stages = [stage for stage in deployment if stage.name.startswith("machine")]
    stop = asyncio.Event()
    settings = load(StreamSettings)
    running = asyncio.create_task(
        host.run(host.WorkerConfig(stages, Deployment(deployment, PRICES), settings, kafka), stop)
    )
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(running, 60)


class Machine:
    """A deployed machine, and what its executions did."""

    def __init__(self, kafka: KafkaSettings, definition: dict[str, Any]) -> None:
        self._kafka = kafka
        self._codec = codec.load()
        self._definition = json.dumps(definition).encode()
        name = f"m-{uuid.uuid4().hex[:6]}"
        self.record = MachineRecord(name=name, arn=ARN + name, revision=revision_of(self._definition))
        self.client = MachineClient(AsyncProducer(clients.producer(kafka)).send, RecordWriter(self._codec, None))

    async def start(self, value: object) -> str:
        await self.client.deploy(self.record, self._definition)
        return await self.client.start(ResolvedMachine(self.record, self.record.revision), uuid.uuid4().hex, value)

    def history(self, execution: str) -> list[ExecutionAdvanced]:
        """Return the transitions of an execution; those that were written twice must be equal."""
        found: dict[tuple[int, int], ExecutionAdvanced] = {}
        for event in self.read(topics.MACHINE_HISTORY.name):
            if isinstance(event, ExecutionAdvanced) and event.execution == execution:
                assert found.setdefault((event.sequence, event.part), event) == event
        return [found[key] for key in sorted(found)]

    def token(self) -> str:
        """Return the token of the newest task of the activity; empty without one."""
        scheduled = self.read(topics.MACHINE_ACTIVITIES.name)
        tokens = [event.token for event in scheduled if isinstance(event, ActivityScheduled)]
        return tokens[-1] if tokens else ""

    def read(self, topic: str) -> list[Event]:
        """Return the events of a topic."""
        return [self._codec.decode(each.value) for each in read_back(self._kafka, (topic,))]

    def versions(self, execution: str) -> list[bytes]:
        """Return the versions of the states of an execution, in the order of the log."""
        found = [
            each for each in read_back(self._kafka, (topics.MACHINE_STATE.name,)) if each.key == execution.encode()
        ]
        return [dict(each.headers)[STATE_VERSION] or b"" for each in found]

    def status(self, execution: str) -> str:
        return next((event.status for event in reversed(self.history(execution))), "")


async def soon(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition while the worker runs."""
    await asyncio.to_thread(wait_for, condition, what, 90)


async def test_execution_survives_its_worker(kafka: KafkaSettings) -> None:
    inner = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **inner}
    listing = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:listObjectsV2",
        "Parameters": {"Bucket": load(StreamSettings).results_bucket, "Prefix": "none/"},
        "ResultPath": None,
        "Next": "Each",
    }
    each = {"Type": "Map", "ItemProcessor": processor, "End": True}
    states = {"Wait": {"Type": "Wait", "Seconds": 3, "Next": "List"}, "List": listing, "Each": each}
    machine = Machine(kafka, {"StartAt": "Wait", "States": states})
    async with worker(kafka):
        execution = await machine.start([1, 2, 3])
        await soon(lambda: machine.status(execution) == "RUNNING", "the execution to start")
    async with worker(kafka):
        await soon(lambda: machine.status(execution) == "SUCCEEDED", "the execution to end")
    entries = [entry for event in machine.history(execution) for entry in event.events]
    assert [entry.id for entry in entries] == list(range(1, len(entries) + 1))
    assert "TaskSucceeded" in [entry.type for entry in entries]
    waited = next(entry for entry in entries if entry.type == "WaitStateExited").at - entries[0].at
    assert waited.total_seconds() >= 3


class WorkerProcess:
    """A worker in a process of its own, with services that note their effects."""

    def __init__(self, kafka: KafkaSettings, folder: Path, bug: str = "") -> None:
        orders = Orders(
            bootstrap_servers=kafka.bootstrap_servers, folder=str(folder), stage="", reads="", seed=1, bug=bug
        )
        arguments = ["worker", msgspec.json.encode(orders).decode()]
        with (folder / f"worker-{uuid.uuid4().hex[:6]}.log").open("wb") as log:
            self.process = fork_server.start("tests.chaos.support.machine_worker:run", arguments, os.environ, log, log)

    def is_suspended(self) -> bool:
        """Whether the process is stopped by a signal."""
        return bool(psutil.Process(self.process.pid).status() == psutil.STATUS_STOPPED)

    def resume(self) -> None:
        """Continue the suspended process."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill the process."""
        self.process.kill()
        self.process.wait()


SDK_TASK = {
    "Type": "Task",
    "Resource": "arn:aws:states:::aws-sdk:rekognition:detectLabels",
    "Parameters": {"state.$": "$$.State.Name"},
    "ResultPath": None,
}
ASK = {"Type": "Task", "Resource": "arn:aws:states:eu-central-1:123456789012:activity:ask", "End": True}


async def test_worker_that_is_suspended_changes_nothing_that_others_did(kafka: KafkaSettings, tmp_path: Path) -> None:
    waiting = {"Type": "Wait", "Seconds": 1, "Next": "S2"}
    machine = Machine(kafka, {"StartAt": "W", "States": {"W": waiting, "S2": {**SDK_TASK, "Next": "Ask"}, "Ask": ASK}})
    workers = [WorkerProcess(kafka, tmp_path, machine_worker.SUSPENDED)]
    try:
        execution = await machine.start({})
        await soon(workers[0].is_suspended, "the first worker to be suspended")
        workers.append(WorkerProcess(kafka, tmp_path))
        await soon(machine.token, "another worker to reach the activity")
        *earlier, newest = machine.versions(execution)
        workers[0].resume()
        # A rebalance may have the other worker replace it at once.
        late = len(earlier) + 1
        await soon(lambda: any(each < newest for each in machine.versions(execution)[late:]), "the late state")
        for each in workers:
            each.kill()
        workers.append(WorkerProcess(kafka, tmp_path))
        await soon(lambda: machine.versions(execution)[-1] == newest, "the newest state to be written again")
        await machine.client.task_success(machine.token(), {})
        await soon(lambda: machine.status(execution) == "SUCCEEDED", "the execution to end")
    finally:
        for each in workers:
            each.kill()
    entries = [entry for event in machine.history(execution) for entry in event.events]
    types = [entry.type for entry in entries]
    assert [entry.id for entry in entries] == list(range(1, len(entries) + 1))
    assert [types.count(each) for each in ("WaitStateExited", "TaskScheduled", "ActivityScheduled")] == [1, 1, 1]
    assert len(machine_worker.effects(tmp_path)) == 1
