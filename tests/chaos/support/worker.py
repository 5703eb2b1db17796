"""A worker process to kill: `run` with JSON orders in sys.argv.

Scheduler, processor, Faust app and producer are the product's. The results bucket is a folder and the ledger of the
billed service a file. The orders may name a point at which the process kills itself, or a planted bug.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from confluent_kafka import KafkaException

from headrace.schemas import topics
from headrace.schemas.ids import job_token
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.producer import AsyncProducer
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.records import Asset, MediaScanned, MediaUploaded
from headrace.schemas.runtime import logging
from headrace.schemas.serde import codec
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.headers import due_at
from headrace.streams.engine.processor import Processor
from headrace.streams.engine.scheduler import KeyedScheduler, RecordHandler
from headrace.streams.handlers import AsyncJob, FinishedJob, Transform
from headrace.streams.kafka.consumer import BatchConsumer
from headrace.streams.kafka.faust_app import FaustHost, create_app
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.results import ResultsStore
from headrace.streams.services import Services
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import Stage
from headrace.streams.worker.loss_reporter import LossReporter
from headrace.streams.worker.runtime import HostedStage
from tests.chaos.support.planted_bugs import only_promised, plant
from tests.support.directory_bucket import FolderBucket
from tests.support.paid_service import Crash, Ledger, PaidService
from tests.support.prices import PRICES

JOB_SUFFIX = ".mp4"
STEPS = ("effect", "intent", "store", "send", "retry", "letter", "commit")
POINTS = tuple(f"{step}.{side}" for step in STEPS for side in ("before", "after"))
FAR = 2.1
"""A retry delay, in seconds, that is too long for an inline retry."""


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration of a worker. `crash_at` is one of POINTS, `bug` one of `planted_bugs.BUGS`.

    `mended` is the share of broken files that succeed.
    """

    bootstrap_servers: str
    folder: str
    stage: str
    reads: str
    seed: int = 0
    in_flight: int = 16
    transient: float = 0.0
    crash_at: str = ""
    crash_pass: int = 1
    bug: str = ""
    ordered: bool = False
    mended: float = 0.0


class Bucket(FolderBucket):
    """A bucket with crash points."""

    def __init__(self, folder: Path, crash: Crash) -> None:
        super().__init__(folder)
        self._crash = crash

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        """Store an object."""
        step = "intent" if key.startswith("_jobs/") else "store"
        self._crash.at(f"{step}.before")
        await super().put(key, content, content_type)
        self._crash.at(f"{step}.after")


class CrashingSender(AsyncProducer):
    """A producer with crash points; with a bug it returns before it sends."""

    def __init__(self, cluster: KafkaSettings, crash: Crash, bug: str) -> None:
        super().__init__(clients.producer(cluster))
        self._crash = crash
        self._bug = bug
        self._promised: list[asyncio.Task[None]] = []

    async def send(self, messages: Sequence[ProducerRecord]) -> None:
        """Send messages and wait for the acknowledgement."""
        if not messages:
            return
        step = _step(messages[0].topic)
        self._crash.at(f"{step}.before")
        if only_promised(self._bug, step):
            self._promised.append(asyncio.create_task(self._some_day(messages)))
            return
        await super().send(messages)
        self._crash.at(f"{step}.after")

    async def _some_day(self, messages: Sequence[ProducerRecord]) -> None:
        await asyncio.sleep(3600)
        await super().send(messages)


class ShortDelays(random.Random):
    """Draws short retry delays, and in 40 % of cases one for the retry topic."""

    def uniform(self, a: float, b: float) -> float:
        """Return the delay in seconds."""
        return FAR if self.random() < 0.4 else super().uniform(0, 0.02)


async def _pay(services: Services, asset: Asset, token: str) -> str:
    """Start a job at the paid service, whose ledger needs the whole asset."""
    paid: Any = services.vision
    job_id: str = await paid.start("labels", asset, token)
    return job_id


def stage_of(name: str, reads: str, ordered: bool = False) -> Stage:
    """Return a stage with one billed operation per upload: a job for videos, else a call."""

    async def scan(media: MediaUploaded, services: Services) -> MediaScanned:
        token = job_token(name, media.asset, "scan")
        return _scanned(media.asset, await _pay(services, media.asset, token))

    async def start(media: MediaUploaded, token: str, services: Services) -> str:
        return await _pay(services, media.asset, token)

    async def finish(finished: FinishedJob, services: Services) -> MediaScanned:
        return _scanned(finished.asset, finished.job.job_id)

    when = {"asset": {"key": [{"suffix": JOB_SUFFIX}]}}
    job = AsyncJob("test", "Start", start, finish, when, otherwise=Transform(scan))
    return Stage(name, (topics.Topic(reads, "uploads"),), job, topics.SCANNED, ordered=ordered)


def build(orders: Orders) -> HostedStage:
    """Wire the stage as the product does, with the test doubles."""
    crash = Crash(orders.crash_at, orders.crash_pass)
    cluster = KafkaSettings(bootstrap_servers=orders.bootstrap_servers)
    # Below the limits of the product, so that a dead worker is detected soon.
    settings = StreamSettings.model_construct(
        in_flight=orders.in_flight, buffer_bytes=1 << 22, drain_seconds=5.0, commit_seconds=0.2, session_seconds=2.5
    )
    results = ResultsStore(Bucket(Path(orders.folder) / "results", crash))
    ledger = Ledger(Path(orders.folder) / "effects")
    service: Any = PaidService(ledger, orders.transient, random.Random(orders.seed), crash, orders.mended)
    services = Services(**{port.name: service for port in fields(Services)} | {"blobs": results, "result_name": ""})
    no_quotas = UnlimitedSlots()
    context = RunnerContext(codec.load(), results, services, no_quotas, PRICES, draw=ShortDelays(orders.seed))
    sender = CrashingSender(cluster, crash, orders.bug)
    stage = stage_of(orders.stage, orders.reads, orders.ordered)
    processor = Processor(stage, context, sender)
    lost = partial(LossReporter(sender, lambda: datetime.now(UTC)).report, stage.name)
    work = RecordHandler(processor.process, processor.on_deadline, due_at, lost)
    scheduler = KeyedScheduler(work, settings.in_flight, settings.buffer_bytes, stage.deadline_seconds, stage.ordered)
    app = create_app(stage, scheduler, settings, cluster, _crashing_consumer(crash))
    return HostedStage(stage, processor, scheduler, FaustHost(app))


async def main(orders: Orders) -> None:
    """Run until SIGTERM. Raises the error that stops the stage."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    plant(orders.bug)
    await _cluster_there(orders.bootstrap_servers)
    hosted = build(orders)
    await hosted.host.start()
    while not stop.is_set():
        failure = hosted.host.failure()
        if failure is not None:
            raise failure
        await asyncio.sleep(0.05)
    await hosted.host.stop()


async def _cluster_there(bootstrap_servers: str) -> None:
    """Wait for the cluster, as the product's worker does at start."""
    admin = clients.admin(KafkaSettings(bootstrap_servers=bootstrap_servers))
    while True:
        with suppress(KafkaException):
            await asyncio.to_thread(clients.partition_counts, admin, 5)
            return
        await asyncio.sleep(0.2)


def _crashing_consumer(crash: Crash) -> type[BatchConsumer]:
    class Crashing(BatchConsumer):
        async def _commit(self, offsets: Any) -> bool:
            crash.at("commit.before")
            done: bool = await super()._commit(offsets)
            crash.at("commit.after")
            return done

    return Crashing


def _scanned(asset: Asset, job_id: str) -> MediaScanned:
    return MediaScanned(asset=asset, engine=job_id, content_type="image/jpeg", sha256="0" * 64)


def _step(topic: str) -> str:
    return "retry" if topic.endswith(".retry") else "letter" if topics.is_dead_letters(topic) else "send"


async def main_or_exit(start: Callable[[Orders], Awaitable[None]], orders: Orders) -> None:
    """Run a worker. An error ends the process at once: tasks of Faust may ignore that they are cancelled."""
    try:
        await start(orders)
    except Exception:
        traceback.print_exc()
        os._exit(1)


def run(start: Callable[[Orders], Awaitable[None]] = main) -> None:
    """Run a worker with the orders in sys.argv."""
    logging.configure(json=True)
    uvloop.run(main_or_exit(start, msgspec.json.decode(sys.argv[1], type=Orders)))
