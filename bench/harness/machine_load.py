"""State machines for measurements: a client that starts executions, worker processes, and what arrives on a topic."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psutil
from confluent_kafka import Consumer, KafkaException, TopicPartition

from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.producer import AsyncProducer
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.records import ActivityScheduled, Event, ExecutionAdvanced
from headrace.schemas.serde import codec
from headrace.streams.executions.client import MachineClient
from headrace.streams.executions.definitions import MachineRecord, ResolvedMachine, revision_of
from headrace.streams.executions.records import RecordWriter

Result = TypeVar("Result")

ACTIVITY = "arn:aws:states:eu-central-1:123456789012:activity:bench"
CONFIG = "[stages.machines]\non = true\n"
LONGEST_SECONDS = 600.0
LEADER_SECONDS = 30.0
AT_ONCE = 1_000
_ARN = "arn:aws:states:eu-central-1:123456789012:stateMachine:"
_CODEC = codec.load()


def waiting(seconds: int) -> bytes:
    """Return a machine with one Wait state."""
    return _machine({"Type": "Wait", "Seconds": seconds, "End": True})


def ending() -> bytes:
    """Return a machine that ends at once."""
    return _machine({"Type": "Succeed"})


def asking() -> bytes:
    """Return a machine with one task, for a worker of an activity."""
    return _machine({"Type": "Task", "Resource": ACTIVITY, "End": True})


def mapping(concurrency: int) -> bytes:
    """Return a distributed Map over the input, with one task for each item."""
    task = {"Type": "Task", "Resource": ACTIVITY, "End": True}
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Item",
        "States": {"Item": task},
    }
    return _machine(
        {"Type": "Map", "MaxConcurrency": concurrency, "ItemProcessor": processor, "ResultPath": None, "End": True}
    )


def _machine(state: dict[str, Any]) -> bytes:
    return json.dumps({"StartAt": "Only", "States": {"Only": state}}).encode()


def with_client(settings: KafkaSettings, use: Callable[[MachineClient], Awaitable[Result]]) -> Result:
    """Call a function with a client, in an event loop of its own."""

    async def run() -> Result:
        producer = AsyncProducer(clients.producer(settings))
        return await use(MachineClient(producer.send, RecordWriter(_CODEC, None)))

    return asyncio.run(run())


async def deploy(client: MachineClient, definition: bytes) -> ResolvedMachine:
    """Deploy a machine under a new name."""
    name = f"bench-{uuid.uuid4().hex[:6]}"
    machine = MachineRecord(name=name, arn=_ARN + name, revision=revision_of(definition))
    await client.deploy(machine, definition)
    return ResolvedMachine(machine, machine.revision)


def start_many(settings: KafkaSettings, definition: bytes, executions: int) -> None:
    """Deploy a machine and start executions of it, as fast as the log takes them."""

    async def start(client: MachineClient) -> None:
        resolved = await deploy(client, definition)
        for begin in range(0, executions, AT_ONCE):
            numbers = range(begin, min(begin + AT_ONCE, executions))
            await asyncio.gather(
                *(client.start(resolved, str(number), {"n": number}, generated_name=True) for number in numbers)
            )

    with_client(settings, start)


@contextmanager
def worker(folder: Path, checkout: Path | None = None) -> Iterator[psutil.Process]:
    """Run a worker process with the stages of state machines, of this checkout or another one."""
    file = folder / "machines.toml"
    file.write_text(CONFIG, "utf-8")
    environment = {**os.environ, "HEADRACE_PIPELINE": str(file)}
    command = [sys.executable, "-m", "headrace.console", "worker", "machines", "machine-tasks", "--json-logs"]
    with (folder / f"worker-{uuid.uuid4().hex[:6]}.log").open("wb") as log:
        where = checkout or Path(__file__).parents[2]
        process = subprocess.Popen(command, cwd=where, env=environment, stdout=log, stderr=log)
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(60)


class Watermarks:
    """The number of records of a topic."""

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self._consumer: Consumer = clients.simple_consumer(settings)
        self._topic = topic

    def records(self) -> int:
        """Return the sum of the end offsets."""
        found = (TopicPartition(self._topic, number) for number in range(topics.PARTITIONS))
        return sum(_end_of(self._consumer, each) for each in found)

    def reach(self, count: int, worker_process: psutil.Process) -> None:
        """Wait until the topic has this number of records.

        Raises:
            SystemExit: It does not within 10 minutes, or the worker has ended.
        """
        deadline = time.monotonic() + LONGEST_SECONDS
        while self.records() < count:
            if time.monotonic() > deadline:
                raise SystemExit(f"{self._topic} has {self.records():,} of {count:,} records")
            if worker_process.status() == psutil.STATUS_ZOMBIE:
                raise SystemExit("the worker has ended")
            time.sleep(0.1)


def _end_of(consumer: Consumer, partition: TopicPartition) -> int:
    """Return the end offset of a partition, which has no leader for a moment after its creation."""
    deadline = time.monotonic() + LEADER_SECONDS
    while True:
        try:
            return int(consumer.get_watermark_offsets(partition, timeout=10)[1])
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


class NewRecords:
    """Calls a function with each event that arrives on a topic while the block runs, in a thread."""

    def __init__(self, settings: KafkaSettings, topic: str, take: Callable[[Event], None]) -> None:
        self._consumer: Consumer = clients.simple_consumer(settings, **{"fetch.wait.max.ms": 10})
        found = [TopicPartition(topic, number) for number in range(topics.PARTITIONS)]
        for each in found:
            each.offset = _end_of(self._consumer, each)
        self._consumer.assign(found)
        self._take = take
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._consumer.close()

    def _read(self) -> None:
        while not self._ended.is_set():
            for message in self._consumer.consume(1_000, 0.05):
                if message.error() is None:
                    self._take(_CODEC.decode(message.value()))


class Latencies:
    """Starts executions at a steady rate, and measures how long each takes to appear on a topic."""

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self._settings = settings
        self._topic = topic
        self._arrived: dict[str, float] = {}

    def measure(self, definition: bytes, rate: float, go_on: Callable[[], bool]) -> list[float]:
        """Start executions while `go_on` returns true; return the seconds of each.

        Raises:
            SystemExit: An execution does not appear within 10 minutes.
        """
        with NewRecords(self._settings, self._topic, self._take):
            begun = with_client(self._settings, lambda client: self._start(client, definition, rate, go_on))
            deadline = time.monotonic() + LONGEST_SECONDS
            while not begun.keys() <= self._arrived.keys():
                if time.monotonic() > deadline:
                    raise SystemExit(f"{len(begun.keys() - self._arrived.keys())} executions never arrive")
                time.sleep(0.01)
        return [self._arrived[execution] - at for execution, at in begun.items()]

    async def _start(
        self, client: MachineClient, definition: bytes, rate: float, go_on: Callable[[], bool]
    ) -> dict[str, float]:
        resolved, begun, number = await deploy(client, definition), dict[str, float](), 0
        starts: list[asyncio.Task[str]] = []
        first = time.monotonic()
        while go_on():
            await asyncio.sleep(first + number / rate - time.monotonic())
            name = str(number)
            begun[resolved.machine.arn.replace(":stateMachine:", ":execution:") + f":{name}"] = time.monotonic()
            starts.append(asyncio.create_task(client.start(resolved, name, {}, generated_name=True)))
            number += 1
        await asyncio.gather(*starts)
        return begun

    def _take(self, event: Event) -> None:
        if isinstance(event, ActivityScheduled | ExecutionAdvanced):
            self._arrived.setdefault(event.execution, time.monotonic())
