"""Measure what traces cost: `python -m bench.tracing` compares a stage with and without them in the same run.

Each pair of rounds runs the same number of records through decoding, the results store, the stage, the encoder and the
outcome with its log line, once with an OTLP exporter and once without. Kafka is left out, which would make the share of
the traces smaller. CPU time is that of the process, the exporter's thread included.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import asdict, fields
from itertools import count
from typing import Any, cast

from bench.harness import load, report, servers
from bench.harness.memory_store import MemoryStore
from bench.harness.stage_process import scanned
from headrace.schemas import topics
from headrace.schemas.ids import root_id
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import MediaScanned, MediaUploaded
from headrace.schemas.runtime import gc_tuning
from headrace.schemas.runtime import logging as runtime_logging
from headrace.schemas.serde.codec import to_producer_record
from headrace.schemas.tracing.start import start_tracer
from headrace.schemas.tracing.tracer import NoTracing, Tracer
from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.s3 import S3Bucket
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.headers import due_at
from headrace.streams.engine.processor import Processor
from headrace.streams.engine.record_spans import traced
from headrace.streams.engine.scheduler import RecordHandler
from headrace.streams.handlers import Transform
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.limits.rate_limits import RateLimits
from headrace.streams.results import ResultsBucket, ResultsStore
from headrace.streams.services import Services
from headrace.streams.stage import Stage
from tests.support.prices import PRICES
from tests.support.records import CODEC, arrived, envelope

PAIRS = 13
IN_S3 = 150
IN_MEMORY = 1500
"""Records of a round: a record in memory takes a fiftieth of the time."""
AT_ONCE = 4
FLUSH_SECONDS = 1.2
"""Longer than the delay between exports."""
EXPORT = {"OTEL_BSP_SCHEDULE_DELAY": "1000", "OTEL_BSP_MAX_QUEUE_SIZE": "100000"}
MAX_SHARE = 0.05
"""The target: traces cost at most this share of a record that is stored in S3."""
TENTH = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1"}


class Sent:
    """A producer that acknowledges at once."""

    async def send(self, messages: Sequence[ProducerRecord]) -> None:
        """Discard the records."""


async def handle(media: MediaUploaded, _services: Services) -> MediaScanned:
    """Return the result of the stage."""
    return scanned(media)


class Rounds:
    """Runs rounds of new records against one results bucket."""

    def __init__(self, bucket: ResultsBucket, records: int) -> None:
        self._records = records
        self._results = ResultsStore(bucket)
        self._numbers = count()
        self._stage = Stage("bench", (topics.UPLOADED,), Transform(handle), topics.SCANNED)

    async def run(self, tracer: Tracer) -> float:
        """Return the CPU seconds of a record, the export of its spans included."""
        records = [self._record() for _ in range(self._records)]
        services = Services(*cast(Any, [None] * len(fields(Services))))
        context = RunnerContext(CODEC, self._results, services, UnlimitedSlots(), PRICES, tracer=tracer)
        processor = Processor(self._stage, context, Sent())
        work = traced(self._stage.name, RecordHandler(processor.process, processor.on_deadline, due_at), tracer)
        begun = time.process_time()
        for some in range(0, self._records, AT_ONCE):
            await asyncio.gather(*(work.process(each) for each in records[some : some + AT_ONCE]))
        await _exported(tracer)
        return (time.process_time() - begun) / self._records

    def _record(self) -> ConsumerRecord:
        number = next(self._numbers)
        media = load.upload(number % load.KEYS, number // load.KEYS)
        trace = root_id(media.asset, load.EVENT).replace("-", "")
        metadata = envelope(media, traceparent=f"00-{trace}-{trace[16:]}-01")
        return arrived(to_producer_record(media, metadata, CODEC), number)


async def _exported(tracer: Tracer) -> None:
    """Wait until the exporter has nothing to do."""
    before = -1 if tracer.is_enabled else tracer.counts.exported
    while before != tracer.counts.exported:
        before = tracer.counts.exported
        await asyncio.sleep(FLUSH_SECONDS)


async def compare(bucket: ResultsBucket, records: int) -> dict[str, Any]:
    """Return the CPU time of a record without traces, and the share that traces add."""
    rounds, pairs, tracer = Rounds(bucket, records), [], start_tracer("bench")
    for each in (NoTracing(), tracer):  # connections and caches
        await rounds.run(each)
    for number in range(PAIRS):
        order = (False, True) if number % 2 else (True, False)
        taken = {on: await rounds.run(tracer if on else NoTracing()) for on in order}
        pairs.append((taken[False], taken[True]))
    tracer.close()
    lost = tracer.counts.queue_full + tracer.counts.export_failed
    report.judge({"every span is exported": lost == 0 < tracer.counts.exported})
    return {
        "records": records,
        "off_us": asdict(report.spread([off * 1e6 for off, _ in pairs])),
        "on_us": asdict(report.spread([on * 1e6 for _, on in pairs])),
        "added_share": asdict(report.spread([on / off - 1 for off, on in pairs])),
    }


def main() -> None:
    """Measure, write the result, and exit with code 1 if a target is missed."""
    runtime_logging.configure(json=True)
    gc_tuning.reduce_gc_frequency()
    with (
        open(os.devnull, "w", encoding="utf-8") as discarded,
        redirect_stderr(discarded),
        servers.serving("bench.harness.fake_aws", "0") as aws,
        servers.serving("bench.harness.otlp_sink") as sink,
    ):
        keys = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_DEFAULT_REGION": "us-east-1"}
        os.environ |= keys | EXPORT | {"AWS_ENDPOINT_URL_S3": aws, "OTEL_EXPORTER_OTLP_ENDPOINT": sink}
        in_s3 = asyncio.run(compare(S3Bucket(AwsClient(AT_ONCE, RateLimits({}, {})), "bench"), IN_S3))
        in_memory = asyncio.run(compare(MemoryStore(), IN_MEMORY))
        os.environ |= TENTH
        in_memory_tenth = asyncio.run(compare(MemoryStore(), IN_MEMORY))
    measured = {"in_s3": in_s3, "in_memory": in_memory, "in_memory_a_tenth_sampled": in_memory_tenth}
    for name, each in measured.items():
        print(f"{name}: {each['off_us']['median']:.0f} us, traces add {each['added_share']['median']:.1%}")
    print(report.write(report.result("tracing", measured, ("boto3", "opentelemetry-sdk"))))
    report.judge({f"at most {MAX_SHARE:.0%}": in_s3["added_share"]["median"] <= MAX_SHARE})


if __name__ == "__main__":
    main()
