"""Run generated machines on real brokers under kills and faults."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import KafkaException, TopicPartition

from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.producer import AsyncProducer
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.serde import codec
from headrace.streams.executions.client import MachineClient
from headrace.streams.executions.definitions import MachineRecord, ResolvedMachine, revision_of
from headrace.streams.executions.records import RecordWriter
from tests.chaos.support import machine_worker
from tests.chaos.support.fleet import Fleet
from tests.chaos.support.machine_chaos import INPUT
from tests.chaos.support.machine_findings import ARN, LIMITS, Findings, open_executions
from tests.chaos.support.small_machines import small_machines
from tests.chaos.support.worker import Orders
from tests.support.brokers import Brokers
from tests.support.process import wait_for

PARTITIONS = range(topics.PARTITIONS)
AT_ONCE = 50
TRANSITIONS = 8
"""Transitions of a machine, about, including those of its children."""


@dataclass(frozen=True, slots=True)
class MachinePlan:
    """The machines and the faults of a run, which follow one another after about as many transitions each."""

    seed: int
    machines: int
    kills: int
    broker_kills: int = 0
    workers: int = 3
    bug: str = ""
    drain_seconds: float = 900.0


@dataclass(frozen=True, slots=True)
class MachineReport:
    """The result of a run."""

    seed: int
    seconds: float
    executions: int
    children: int
    transitions: int
    tasks: int
    faults: dict[str, int]
    anomalies: list[str]


class MachineSite:
    """Generated machines on a cluster, and the workers that run them."""

    def __init__(self, plan: MachinePlan, cluster: Brokers, folder: Path) -> None:
        self._plan = plan
        self._cluster = cluster
        self._folder = folder
        self.settings = KafkaSettings(bootstrap_servers=cluster.bootstrap_servers)
        stages = machine_worker.machine_stages()
        names = topics.table(stage.name for stage in machine_worker.all_stages())
        clients.create_topics(clients.admin(self.settings), names, min(3, cluster.count))
        self._groups = {stage.group: [topic.name for topic in stage.inputs] for stage in stages}
        wait_for(self._has_leaders, "the leaders of the topics", 60)
        orders = Orders(
            bootstrap_servers=cluster.bootstrap_servers,
            folder=str(folder),
            stage="",
            reads="",
            seed=plan.seed,
            bug=plan.bug,
        )
        self.fleet = Fleet(orders, "tests.chaos.support.machine_worker:run")
        self.deeds: Counter[str] = Counter()
        self._seen = 0
        self.definitions = dict(small_machines(plan.seed, plan.machines))

    def run(self) -> None:
        """Start the executions while workers and brokers are killed, and wait until all records are processed."""
        draw = random.Random(self._plan.seed)
        deeds = ["kill"] * self._plan.kills + ["broker"] * self._plan.broker_kills
        draw.shuffle(deeds)
        asyncio.run(self._start_all())
        self.fleet.scale(self._plan.workers)
        try:
            for deed in deeds:
                if not self._progressed(draw):
                    break
                self.deeds[deed] += 1
                if deed == "kill":
                    self.fleet.kill(draw)
                else:
                    self._kill_broker(draw)
            self._wait(self._idle, "the executions to end", self._plan.drain_seconds)
        finally:
            self.fleet.stop()

    def report(self, seconds: float) -> MachineReport:
        """Check what the topics hold."""
        found = Findings(self.settings, self._folder, self.definitions)
        faults = self.fleet.deaths + Counter({"kill -9 of a broker": self.deeds["broker"]})
        return MachineReport(
            seed=self._plan.seed,
            seconds=round(seconds, 1),
            executions=len(self.definitions),
            children=len(found.history) - len(self.definitions.keys() & found.history.keys()),
            transitions=sum(map(len, found.history.values())),
            tasks=len(found.tasks),
            faults=dict(sorted(faults.items())),
            anomalies=list(found.anomalies()),
        )

    async def _start_all(self) -> None:
        producer = AsyncProducer(clients.producer(self.settings))
        client = MachineClient(producer.send, RecordWriter(codec.load(), None))
        resolved = []
        for execution, definition in self.definitions.items():
            content = msgspec.json.encode(definition)
            name = execution.split(":")[6]
            machine = MachineRecord(name=name, arn=ARN + name, revision=revision_of(content))
            resolved.append((machine, content))
        for begin in range(0, len(resolved), AT_ONCE):
            await asyncio.gather(*(client.deploy(*each) for each in resolved[begin : begin + AT_ONCE]))
        starts = [ResolvedMachine(machine, machine.revision) for machine, _ in resolved]
        for begin in range(0, len(starts), AT_ONCE):
            some = starts[begin : begin + AT_ONCE]
            await asyncio.gather(*(client.start(each, "e", INPUT, generated_name=True, limits=LIMITS) for each in some))

    def _kill_broker(self, draw: random.Random) -> None:
        self._cluster.kill(draw.randrange(self._cluster.count))
        self._pause(draw.uniform(0.5, 4.0))
        self._cluster.start()

    def _progressed(self, draw: random.Random) -> bool:
        """Wait for some transitions; return whether there are more to come."""
        plan, before = self._plan, self._seen
        share = plan.machines * TRANSITIONS / (plan.kills + plan.broker_kills + 1)
        wanted = before + max(2, round(draw.uniform(0.2, 1.0) * share))
        self._wait(lambda: self._transitions() >= wanted or self._idle(), "transitions", plan.drain_seconds)
        return self._seen >= wanted

    def _transitions(self) -> int:
        consumer = clients.simple_consumer(self.settings)
        try:
            found = (TopicPartition(topics.MACHINE_HISTORY.name, number) for number in PARTITIONS)
            self._seen = sum(consumer.get_watermark_offsets(each, timeout=30)[1] for each in found)
            return self._seen
        finally:
            consumer.close()

    def _pause(self, seconds: float) -> None:
        ended = time.monotonic() + seconds
        self._wait(lambda: time.monotonic() > ended, "the next fault", seconds + 60)

    def _wait(self, condition: Any, what: str, seconds: float) -> None:
        def tended() -> bool:
            self.fleet.tend()
            with suppress(KafkaException):  # a broker is starting
                return bool(condition())
            return False

        wait_for(tended, what, seconds)

    def _idle(self) -> bool:
        """Whether no execution is open, and every record is committed."""
        time.sleep(0.5)
        if any(self._lag(group, names) for group, names in self._groups.items()):
            return False
        return not open_executions(self.settings)

    def _has_leaders(self) -> bool:
        with suppress(KafkaException):
            for group, names in self._groups.items():
                self._lag(group, names)
            return True
        return False

    def _lag(self, group: str, names: list[str]) -> int:
        consumer = clients.observer(self.settings, group)
        try:
            where = [TopicPartition(name, number) for name in names for number in PARTITIONS]
            committed = consumer.committed(where, timeout=30)
            ends = (consumer.get_watermark_offsets(each, timeout=30)[1] for each in committed)
            return sum(end - max(0, each.offset) for each, end in zip(committed, ends, strict=True))
        finally:
            consumer.close()


def run(plan: MachinePlan, cluster: Brokers, folder: Path) -> MachineReport:
    """Run a plan, and check what the topics hold at its end."""
    site = MachineSite(plan, cluster, folder)
    begun = time.monotonic()
    site.run()
    return site.report(time.monotonic() - begun)
