"""Tests of the epoch of a stage."""

from __future__ import annotations

from headrace.streams.engine import epochs
from tests.support.fake_services import MemoryBucket
from tests.support.stages import get_stages


async def test_stage_has_its_latest_epoch() -> None:
    bucket = MemoryBucket()
    labels, scan = get_stages(["labels", "scan"])
    assert await epochs.with_current_epoch(bucket, labels) == labels
    await epochs.start_epoch(bucket, "labels", 2)
    assert (await epochs.with_current_epoch(bucket, labels)).result_name == "labels@1e2"
    assert await epochs.with_current_epoch(bucket, scan) == scan
