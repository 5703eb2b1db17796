"""Measure the stage runner: `python -m bench.harness.stage_process TASK` (JSON) hosts one stage and prints the result.

Only the in-memory results bucket and the handler, which waits or does nothing, are fakes.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import fields
from typing import Any, Literal, cast

import msgspec
import psutil
import uvloop

from bench.harness import load
from bench.harness.memory_store import DiscardingStore, MemoryStore
from headrace.schemas import topics
from headrace.schemas.cloudevents import PREFIX, EventMetadata
from headrace.schemas.ids import asset_key, root_id
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.producer import AsyncProducer
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import Event, MediaScanned, MediaUploaded
from headrace.schemas.runtime import gc_tuning
from headrace.schemas.runtime import logging as runtime_logging
from headrace.schemas.serde import codec
from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.s3 import S3Bucket
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.headers import due_at
from headrace.streams.engine.outcome import Done, Outcome, RecordDisposition
from headrace.streams.engine.processor import Processor
from headrace.streams.engine.scheduler import KeyedScheduler, RecordHandler
from headrace.streams.handlers import Transform
from headrace.streams.kafka.faust_app import create_host
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.limits.rate_limits import RateLimits
from headrace.streams.results import ResultsBucket, ResultsStore
from headrace.streams.routing.rule import parse
from headrace.streams.routing.rule_stage import rule_stage
from headrace.streams.services import Services
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import Stage
from tests.support.prices import PRICES

Kind = Literal["lanes", "bytes", "bytes sent", "not wanted", "stored", "sent", "sent again", "known", "routed"]
"""How much of the runner takes part: from the scheduler alone to all of it, with one result sent for each record.

With `sent again` and `known` every result is in the store before: the one sends it, the other has nothing to send.
`routed` is a rule that reads the topic and forwards what matches its pattern.
"""

Process = Callable[[ConsumerRecord], Awaitable[RecordDisposition]]

LOOK_SECONDS = 0.02
AT_ONCE = 32
NOT_WANTED = {"asset": {"key": [{"suffix": "/"}]}}
DONE = Done()


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What to host, and after how many records to stop. Results lie in a bucket of S3, or in memory without one."""

    bootstrap_servers: str
    name: str
    reads: str
    kind: Kind
    records: int = 0
    wait_ms: float = 0.0
    in_flight: int = 1000
    buffer_bytes: int = 64 << 20
    lines: bool = False
    keeps: bool = True
    timed: str = ""
    bucket: str = ""
    pattern: dict[str, Any] = {}


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Records, the seconds that they took, and how many of them came before an earlier one of their key.

    `delays_ms` is how long the records whose keys begin with `timed` took from the broker's receipt to their end, and
    `resident_mb` the memory held, looked at every second.
    """

    records: int
    seconds: float
    out_of_order: int
    delays_ms: list[float] = []
    resident_mb: list[float] = []


class Handler:
    """The work on a record. Knows whether each key's records came in their order."""

    def __init__(self, task: Task) -> None:
        self.out_of_order = 0
        self._wait = task.wait_ms / 1000
        self._sends = task.kind in ("sent", "bytes sent")
        self._latest: dict[object, Any] = {}
        self._timed = task.timed.encode()
        self.delays_ms: list[float] = []

    async def on_event(self, media: MediaUploaded, _services: Services) -> Event | None:
        """Handle an event as a stage does."""
        await self._work(media.asset.key, media.asset.sequencer)
        if not self._sends:
            return None
        return scanned(media)

    async def run(self, received: ConsumerRecord, *_tries: int) -> Outcome:
        """Replace the runner: handle records without decoding them."""
        await self._work(received.key, received.offset)
        if self._timed and received.key and received.key.startswith(self._timed):
            self.delays_ms.append((time.time() - received.timestamp) * 1000)
        if not self._sends:
            return DONE
        return Done((ProducerRecord(topics.SCANNED.name, received.key, received.value, received.headers),))

    async def alone(self, received: ConsumerRecord) -> RecordDisposition:
        """Handle a record with the scheduler alone."""
        await self._work(received.key, received.offset)
        return RecordDisposition.DONE

    async def _work(self, key: object, order: Any) -> None:
        if self._latest.get(key, order) > order:
            self.out_of_order += 1
        self._latest[key] = order
        if self._wait:
            await asyncio.sleep(self._wait)


def scanned(media: MediaUploaded) -> MediaScanned:
    """Return the result of a stage."""
    return MediaScanned(asset=media.asset, engine="bench", content_type="image/jpeg", sha256="0" * 64)


class Bench:
    """One hosted stage. `around` may wrap the processing of a record."""

    def __init__(self, task: Task, around: Callable[[Process], Process] = lambda process: process) -> None:
        self.task = task
        self.resident_mb: list[float] = []
        self.handler = Handler(task)
        self.cluster = KafkaSettings(bootstrap_servers=task.bootstrap_servers)
        when = NOT_WANTED if task.kind == "not wanted" else {}
        reads = topics.Topic(task.reads, "uploads")
        runs = Stage(task.name, (reads,), Transform(self.handler.on_event), topics.SCANNED, when=when)
        self.stage = _rule(task) if task.kind == "routed" else runs
        self._results = ResultsStore(_bucket(task))
        process = self.handler.alone if task.kind == "lanes" else self._processor().process
        self.scheduler = KeyedScheduler(
            RecordHandler(around(process), process, due_at), task.in_flight, task.buffer_bytes, 300.0
        )
        settings = StreamSettings(results_bucket="bench", in_flight=task.in_flight, buffer_bytes=task.buffer_bytes)
        self.host = create_host(self.stage, self.scheduler, settings, self.cluster)

    def create_topics(self) -> None:
        """Create the missing topics of the stage."""
        wanted = (*self.stage.inputs, topics.SCANNED, topics.dead_letters(self.stage.name))
        clients.create_topics(clients.admin(self.cluster), wanted, 1)

    async def work_before(self) -> None:
        """Fill the store with what the stage would find, or with the marker that it found nothing."""
        every = range(self.task.records)
        for some in range(0, len(every), AT_ONCE):
            await asyncio.gather(*(self._work_before(each) for each in every[some : some + AT_ONCE]))

    async def _work_before(self, number: int) -> None:
        media = load.upload(number % load.KEYS, number // load.KEYS)
        found = scanned(media) if self.task.kind == "sent again" else None
        identity = root_id(media.asset, load.EVENT)
        envelope = EventMetadata(identity, "bench", PREFIX + MediaScanned.EVENT, "", asset_key(media.asset), identity)
        await self._results.put(media.asset, self.stage.result_name, found, envelope, identity)

    def finished(self) -> int:
        """Return the number of processed records of topics that are read from offset 0."""
        delivered = sum(self.scheduler.next_offset(where) or 0 for where in self.scheduler.assigned())
        return delivered - self.scheduler.stats.uncommitted_records()

    async def reach(self, records: int) -> tuple[int, float]:
        """Wait until `records` are done. Return the actual count and the time."""
        looked = 0.0
        while self.finished() < records:
            if time.monotonic() - looked > 1:
                looked = time.monotonic()
                self.resident_mb.append(psutil.Process().memory_info().rss / 1e6)
            failure = self.host.failure()
            if failure is not None:
                raise failure
            await asyncio.sleep(LOOK_SECONDS)
        return self.finished(), time.perf_counter()

    def _processor(self) -> Processor:
        services = Services(*cast(Any, [None] * len(fields(Services))))
        context = RunnerContext(codec.load(), self._results, services, UnlimitedSlots(), PRICES)
        processor = Processor(self.stage, context, AsyncProducer(clients.producer(self.cluster)))
        if self.task.kind.startswith("bytes"):
            vars(processor)["_runner"] = self.handler
        return processor


def _rule(task: Task) -> Stage:
    values = {"reads": [task.reads], "pattern": task.pattern, "target": {"topic": topics.SCANNED.name}}
    return rule_stage(parse(task.name, values, ()), None)


def _bucket(task: Task) -> ResultsBucket:
    if task.bucket:
        return S3Bucket(AwsClient(AT_ONCE, RateLimits({}, {})), task.bucket)
    return MemoryStore() if task.keeps else DiscardingStore()


async def measure(task: Task) -> Measured:
    """Host the stage from the beginning of its topic and time it, from the first records done to the last."""
    bench = Bench(task)
    bench.create_topics()
    if task.kind in ("sent again", "known"):
        await bench.work_before()
    await bench.host.start()
    gc_tuning.reduce_gc_frequency()
    try:
        before, begun = await bench.reach(1)
        after, ended = await bench.reach(task.records)
    finally:
        await bench.host.stop()
    return Measured(
        records=after - before,
        seconds=ended - begun,
        out_of_order=bench.handler.out_of_order,
        delays_ms=bench.handler.delays_ms,
        resident_mb=bench.resident_mb,
    )


def main(orders: str) -> None:
    """Measure and print the result as JSON."""
    task = msgspec.json.decode(orders, type=Task)
    runtime_logging.configure(json=True, level=logging.INFO if task.lines else logging.WARNING)
    print(msgspec.json.encode(uvloop.run(measure(task))).decode())


if __name__ == "__main__":
    main(sys.argv[1])
