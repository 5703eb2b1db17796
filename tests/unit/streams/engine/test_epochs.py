"""Tests of the epoch of a stage."""

from __future__ import annotations

from headrace.schemas.kafka.settings import KafkaSettings
from headrace.streams.engine import epochs
from headrace.streams.pipeline import Deployment, get_stages
from headrace.streams.settings import StreamSettings
from headrace.streams.worker.host import WorkerConfig, startable_stages
from tests.support.fake_services import MemoryBucket


async def test_worker_uses_the_latest_epoch() -> None:
    bucket = MemoryBucket()
    stages = get_stages(["labels", "scan"])
    settings = StreamSettings(results_bucket="results")
    plan = WorkerConfig(stages, Deployment(stages), settings, KafkaSettings(bootstrap_servers="nowhere:1"))
    assert await startable_stages(plan, bucket) == list(stages)
    await epochs.start_epoch(bucket, "labels", 2)
    assert [(stage.name, stage.epoch) for stage in await startable_stages(plan, bucket)] == [("labels", 2), ("scan", 0)]
    assert (await startable_stages(plan, bucket))[0].result_name == "labels@1e2"
