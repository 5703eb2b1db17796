"""Measure executions on the log: durable transitions per second of one worker, and the latency of a first task.

    python -m bench.machine_engine [--quick]

A worker process with the stages of state machines runs against a real broker and a local S3. Each execution waits for
a second, so it makes two transitions: the start, and the timer that ends it. A transition is durable: history, timer
and snapshot are acknowledged before the next.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import psutil
import typer
from confluent_kafka import Consumer, TopicPartition

from bench.harness import report
from bench.runner import kafka
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.producer import AsyncProducer
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.serde import catalog, codec
from headrace.schemas.serde.schema_topic import publish_schemas
from headrace.streams import pipeline
from headrace.streams.executions.client import MachineClient
from headrace.streams.executions.definitions import MachineRecord, ResolvedMachine, revision_of
from headrace.streams.executions.records import RecordWriter
from headrace.streams.pipeline_config import PipelineConfig

EXECUTIONS = 10_000
WAITING = 100_000
TARGET = 1_000.0
MEMORY_TARGET_MB = 400.0
ARN = "arn:aws:states:eu-central-1:123456789012:stateMachine:"
COMMAND = Path(sys.executable).with_name("headrace")
CONFIG = "[stages.machines]\non = true\n"
LOOK_SECONDS = 0.1
LONGEST_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Measured:
    """Transitions per second, CPU time of a transition in ms, and the memory of a worker with open executions in MB."""

    transitions_per_second: float
    cpu_ms_per_transition: float
    open_executions: int
    resident_mb: float


def wait_machine(seconds: int) -> bytes:
    """Return a machine with one Wait state."""
    states = {"Wait": {"Type": "Wait", "Seconds": seconds, "End": True}}
    return json.dumps({"StartAt": "Wait", "States": states}).encode()


async def start(settings: KafkaSettings, definition: bytes, executions: int) -> None:
    """Deploy a machine and start executions of it."""
    name = f"bench-{uuid.uuid4().hex[:6]}"
    machine = MachineRecord(name=name, arn=ARN + name, revision=revision_of(definition))
    producer = AsyncProducer(clients.producer(settings))
    client = MachineClient(producer.send, RecordWriter(codec.load(), None))
    await client.deploy(machine, definition)
    resolved = ResolvedMachine(machine, machine.revision)
    for begin in range(0, executions, 1_000):
        some = range(begin, min(begin + 1_000, executions))
        await asyncio.gather(
            *(client.start(resolved, str(number), {"n": number}, generated_name=True) for number in some)
        )


class Watermarks:
    """The number of records of a topic."""

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self._consumer: Consumer = clients.simple_consumer(settings)
        self._topic = topic

    def records(self) -> int:
        """Return the sum of the end offsets."""
        found = (TopicPartition(self._topic, number) for number in range(topics.PARTITIONS))
        return sum(self._consumer.get_watermark_offsets(each, timeout=10)[1] for each in found)

    def reach(self, count: int) -> None:
        """Wait until the topic has this number of records.

        Raises:
            SystemExit: It does not within 10 minutes.
        """
        deadline = time.monotonic() + LONGEST_SECONDS
        while self.records() < count:
            if time.monotonic() > deadline:
                raise SystemExit(f"{self._topic} has {self.records():,} of {count:,} records")
            time.sleep(LOOK_SECONDS)


@contextmanager
def worker(folder: Path) -> Iterator[psutil.Process]:
    """Run a worker process with the stages of state machines."""
    file = folder / "machines.toml"
    file.write_text(CONFIG, "utf-8")
    environment = {**os.environ, "HEADRACE_PIPELINE": str(file)}
    command = [str(COMMAND), "worker", "machines", "machine-tasks", "--json-logs"]
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(60)


def measure(settings: KafkaSettings, folder: Path, share: float) -> Measured:
    """Measure one worker: first its speed, then its memory with waiting executions."""
    history = Watermarks(settings, topics.MACHINE_HISTORY.name)
    executions, waiting = int(EXECUTIONS * share), int(WAITING * share)
    asyncio.run(start(settings, wait_machine(1), executions))
    before = history.records()
    with worker(folder) as process:
        history.reach(before + 1)
        first, begun, cpu = history.records(), time.perf_counter(), _cpu_seconds(process)
        history.reach(before + 2 * executions)
        made = history.records() - first
        rate = made / (time.perf_counter() - begun)
        cpu_ms = (_cpu_seconds(process) - cpu) / made * 1000
        asyncio.run(start(settings, wait_machine(86_400), waiting))
        history.reach(before + 2 * executions + waiting)
        resident = process.memory_info().rss / 1e6
    return Measured(rate, cpu_ms, waiting, resident)


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def main(
    quick: Annotated[bool, typer.Option(help="Use a tenth of the executions and write no result.")] = False,
) -> None:
    """Measure, print the figures and write the result. Exit code 1 if a target is missed."""
    with kafka(("kafka", "aws")) as settings:
        stages = pipeline.stages(PipelineConfig({"machines": {"on": True}}))
        clients.create_topics(clients.admin(settings), topics.table(stage.name for stage in stages), 1)
        publish_schemas(clients.producer(settings), catalog.versions())
        with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
            found = measure(settings, Path(folder), 0.1 if quick else 1.0)
    cpu = f"{found.cpu_ms_per_transition:.2f} ms of CPU time each"
    print(f"{found.transitions_per_second:,.0f} durable transitions/s, {cpu}")
    print(f"{found.open_executions:,} open executions: {found.resident_mb:,.0f} MB resident")
    if not quick:
        measured = {name: getattr(found, name) for name in Measured.__slots__}
        report.write(report.result("machine-engine", measured, ("confluent-kafka", "faust-streaming")))
    report.judge(
        {
            f"{TARGET:,.0f} transitions/s": found.transitions_per_second >= TARGET,
            f"{MEMORY_TARGET_MB:,.0f} MB": found.resident_mb <= MEMORY_TARGET_MB,
        }
    )


if __name__ == "__main__":
    typer.run(main)
