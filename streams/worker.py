"""A process that hosts stages: each its own Faust app and consumer group, so each lags, rewinds and fails alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaException

from schemas import catalog, codec, kafka, topics
from schemas.log import SchemaLog, publish
from schemas.settings import KafkaSettings
from streams import telemetry
from streams.app import StageApp, create_app, reads
from streams.aws import Aws
from streams.lanes import Lanes, Work
from streams.origin import due
from streams.processor import Processor
from streams.rekognition import Rekognition
from streams.results import Results
from streams.runner import Context
from streams.scanner import ContentScanner
from streams.sender import Sender
from streams.services import Services
from streams.settings import StreamSettings
from streams.stage import Stage
from streams.storage import S3Bucket, S3Objects
from streams.transcribe import Transcribe

LOOK_SECONDS = 0.5


class WorkerFailed(RuntimeError):
    """A stage stopped by itself; the process must not go on as if it worked."""


@dataclass(frozen=True, slots=True)
class Hosted:
    """One stage as it runs here."""

    stage: Stage
    processor: Processor
    lanes: Lanes
    app: StageApp


async def run(stages: Sequence[Stage], settings: StreamSettings, cluster: KafkaSettings, stop: asyncio.Event) -> None:
    """Host stages until `stop` is set, then drain. Raises `WorkerFailed` when one of them cannot go on."""
    if not await _cluster_ready(stages, cluster, stop):
        return
    book = codec.load()
    schema_log = SchemaLog(cluster, book)
    aws = Aws(settings.aws_threads)
    sender = Sender(kafka.producer(cluster))
    await asyncio.to_thread(publish, kafka.producer(cluster), catalog.versions())
    await asyncio.to_thread(schema_log.start)
    context = create_context(book, aws, settings)
    hosted = [host(stage, context, sender, settings, cluster) for stage in stages]
    try:
        await asyncio.gather(*(each.app.start() for each in hosted))
        telemetry.log.info("ready", stages=[each.stage.name for each in hosted])
        await _watch(hosted, stop)
    finally:
        await asyncio.gather(*(each.app.stop() for each in hosted))
        sender.close(settings.drain_seconds)
        await asyncio.to_thread(schema_log.stop)
        aws.close()
        telemetry.log.info("stopped", stages=[each.stage.name for each in hosted])


def create_context(book: codec.Codec, aws: Aws, settings: StreamSettings) -> Context:
    """Wire the services to AWS: the one place that knows which vendor does what."""
    bucket = S3Bucket(aws, settings.results_bucket)
    results = Results(bucket)
    services = Services(
        objects=S3Objects(aws, settings.max_object_bytes),
        blobs=results,
        scanner=ContentScanner(settings.clamd),
        vision=Rekognition(aws, settings),
        speech=Transcribe(aws, bucket, settings),
    )
    return Context(book, results, services)


def host(stage: Stage, context: Context, sender: Sender, settings: StreamSettings, cluster: KafkaSettings) -> Hosted:
    """Build what runs one stage in this process."""
    processor = Processor(stage, context, sender)
    work = Work(processor.process, processor.expired, due)
    lanes = Lanes(work, settings.in_flight, settings.buffer_bytes, stage.deadline_seconds)
    return Hosted(stage, processor, lanes, create_app(stage, lanes, settings, cluster))


async def _watch(hosted: list[Hosted], stop: asyncio.Event) -> None:
    while not stop.is_set():
        for each in hosted:
            failure = each.lanes.failure() or each.app.crash_reason
            if failure is not None:
                raise WorkerFailed(f"stage {each.stage.name}: {failure!r}") from failure
        try:
            await asyncio.wait_for(stop.wait(), LOOK_SECONDS)
        except TimeoutError:
            continue


async def _cluster_ready(stages: Sequence[Stage], cluster: KafkaSettings, stop: asyncio.Event) -> bool:
    """Wait until the broker answers and has all topics, saying once what is waited for. False when told to stop."""
    wanted = {topic.name for stage in stages for topic in (*reads(stage), topics.dead_letters(stage.name))}
    wanted |= {topics.SCHEMAS.name} | {stage.writes.name for stage in stages if stage.writes}
    said = ""
    begun = time.monotonic()
    while not stop.is_set():
        waiting = await asyncio.to_thread(_missing, wanted, cluster)
        if not waiting:
            if said:
                telemetry.log.info("go", waited_s=round(time.monotonic() - begun, 1))
            return True
        if waiting != said:
            telemetry.log.warning("waiting", on=waiting)
            said = waiting
        await asyncio.sleep(LOOK_SECONDS)
    return False


def _missing(wanted: set[str], cluster: KafkaSettings) -> str:
    try:
        there = kafka.existing_topics(kafka.admin(cluster), timeout=5)
    except KafkaException:
        return f"no Kafka at {cluster.bootstrap_servers} (HEADRACE_BOOTSTRAP_SERVERS)"
    missing = sorted(wanted - there.keys())
    return f"topics not there: {', '.join(missing)} (headrace topics apply)" if missing else ""
