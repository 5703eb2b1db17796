"""Measure the overhead around a stage's call: load results, store the intent and the result, emit.

The steps run one after the other in one process, against a store without latency: latency, not throughput.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bench.harness import load
from headrace.sandbox.names import RESULTS_BUCKET
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.producer import AsyncProducer
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.records import MediaLabelled, Pointer
from headrace.schemas.serde import codec
from headrace.schemas.serde.codec import to_producer_record
from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.s3 import S3Bucket
from headrace.streams.limits.rate_limits import RateLimits
from headrace.streams.results import ResultsStore
from tests.support.records import envelope

RUNS = 300
POINTER = Pointer(bucket="bench", key="answer", size=1, sha256="0" * 64, content_type="application/json")


def measure(settings: KafkaSettings) -> dict[str, dict[str, float]]:
    """Return each step's median latency and CPU time in milliseconds over 300 runs."""
    return asyncio.run(_measure(settings))


async def _measure(settings: KafkaSettings) -> dict[str, dict[str, float]]:
    aws, encoder, sender = AwsClient(4, RateLimits({}, {})), codec.load(), AsyncProducer(clients.producer(settings))
    results = ResultsStore(S3Bucket(aws, RESULTS_BUCKET))
    asset = load.upload(0, 1).asset
    event = MediaLabelled(asset=asset, labels=(), label_count=0, model="3.0", result=POINTER, charges=())
    metadata, answer = envelope(event), b"x" * 2000
    steps: dict[str, Callable[[], Awaitable[Any]]] = {
        "look at the store": lambda: results.load(asset),
        "store the intent": lambda: results.put_intent("bench", "labels", event, metadata),
        "store the answer": lambda: results.put_blob(asset, "labels@1.answer.json", answer, "application/json"),
        "store the result": lambda: results.put(asset, "labels@1", event, metadata, metadata.id),
        "emit": lambda: sender.send((to_producer_record(event, metadata, encoder),)),
    }
    try:
        return {name: await _times(step) for name, step in steps.items()}
    finally:
        sender.close(10)
        aws.close()


async def _times(step: Callable[[], Awaitable[Any]]) -> dict[str, float]:
    await step()
    took, used = [], time.process_time()
    for _ in range(RUNS):
        begun = time.perf_counter()
        await step()
        took.append(time.perf_counter() - begun)
    used = time.process_time() - used
    return {"ms": round(statistics.median(took) * 1000, 2), "processor_ms": round(used / RUNS * 1000, 2)}
