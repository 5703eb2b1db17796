"""Send generated events to Kafka, and store the results that they point to."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from multiprocessing import get_context

from headrace.connectors.aws.client import AwsSession
from headrace.sandbox.fill.history import FillPlan, GeneratedEvent, HistorySource
from headrace.sandbox.fill.results import GeneratedResult, ResultSource
from headrace.sandbox.fill.stage_events import FAILED, FAILURE
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.producer import SyncProducer
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.serde import codec
from headrace.schemas.serde.codec import Codec, to_producer_record
from headrace.streams.engine.dlq import dead_letter
from headrace.streams.engine.outcome import Dead
from headrace.streams.stage import Stage

CHUNK = 500
"""Assets between two progress reports of a process."""
FLUSH_SECONDS = 120.0
UPLOADS = 16
QUEUED = 200_000


@dataclass(frozen=True, slots=True)
class FillProgress:
    """The number of assets and records of one chunk."""

    assets: int
    records: int


def records(source: HistorySource, number: int, encoder: Codec) -> Iterator[ProducerRecord]:
    """Yield the records of one asset, in order."""
    for generated in source.events(number):
        record = to_producer_record(generated.event, generated.envelope, encoder)
        yield record
        if generated.failed:
            yield _dead_letter(source.stages[generated.failed], generated, record)


def store(results: Iterable[GeneratedResult], session: AwsSession) -> Iterator[int]:
    """Store results in S3; yield 1 after each."""
    client = session.client("s3")

    def put(result: GeneratedResult) -> int:
        pointer = result.pointer
        client.put_object(Bucket=pointer.bucket, Key=pointer.key, Body=result.content, ContentType=pointer.content_type)
        return 1

    with ThreadPoolExecutor(UPLOADS) as pool:
        yield from pool.map(put, results)


def send(plan: FillPlan, settings: KafkaSettings, processes: int = 0) -> Iterator[FillProgress]:
    """Send the events of all assets from several processes; yield after each chunk. An asset's events stay in order.

    Raises:
        KafkaException: Kafka rejects a record, or does not acknowledge it in 120 s.
    """
    chunks = [range(begin, min(begin + CHUNK, plan.assets)) for begin in range(0, plan.assets, CHUNK)]
    workers = min(processes or os.cpu_count() or 1, len(chunks))
    if workers <= 1:
        yield from map(partial(_Sender(plan, settings).send), chunks)
        return
    context = get_context("spawn")  # librdkafka does not survive a fork
    with ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(plan, settings)) as pool:
        yield from pool.map(_send_chunk, chunks)


class _Sender:
    """Sends the events of one process."""

    def __init__(self, plan: FillPlan, settings: KafkaSettings) -> None:
        self._source = HistorySource(plan, ResultSource(plan.seed))
        self._codec = codec.load()
        options = {"queue.buffering.max.messages": QUEUED, "linger.ms": 50}
        self._producer = SyncProducer(clients.producer(settings, **options))

    def send(self, numbers: range) -> FillProgress:
        """Send the events of some assets, and wait until Kafka has them."""
        count = 0
        for number in numbers:
            for record in records(self._source, number, self._codec):
                self._producer.send(record)
                count += 1
        self._producer.flush(FLUSH_SECONDS)
        return FillProgress(len(numbers), count)


_senders: list[_Sender] = []
"""The sender of this process, if it is a member of the pool."""


def _begin(plan: FillPlan, settings: KafkaSettings) -> None:
    _senders.append(_Sender(plan, settings))


def _send_chunk(numbers: range) -> FillProgress:
    return _senders[0].send(numbers)


def _dead_letter(stage: Stage, generated: GeneratedEvent, record: ProducerRecord) -> ProducerRecord:
    """Return the dead letter of a failed job's completion."""
    at = datetime.fromisoformat(generated.envelope.time)
    received = ConsumerRecord(topics.JOBS_FINISHED.name, 0, 0, at.timestamp(), record.key, record.value, record.headers)
    return dead_letter(stage, received, Dead(FAILED, FAILURE, "PermanentError"), 1, at, generated.asset)
