"""Executions on a real broker: they survive the end of a worker, and their timers fire in the next one."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.producer import AsyncProducer
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.records import ExecutionAdvanced
from headrace.schemas.serde import codec
from headrace.schemas.settings import load
from headrace.streams import pipeline
from headrace.streams.executions.client import MachineClient
from headrace.streams.executions.definitions import MachineRecord, ResolvedMachine, revision_of
from headrace.streams.executions.records import RecordWriter
from headrace.streams.pipeline import Deployment
from headrace.streams.pipeline_config import PipelineConfig
from headrace.streams.settings import StreamSettings
from headrace.streams.worker import host
from tests.chaos.support.observer import read_back
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
        events = [self._codec.decode(each.value) for each in read_back(self._kafka, (topics.MACHINE_HISTORY.name,))]
        return [event for event in events if isinstance(event, ExecutionAdvanced) and event.execution == execution]

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
