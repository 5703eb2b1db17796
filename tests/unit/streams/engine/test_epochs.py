"""Tests of the epoch of a stage."""

from __future__ import annotations

import pytest

from headrace.streams.engine import epochs
from headrace.streams.errors import OutageError
from tests.support.fake_services import MemoryBucket
from tests.support.stages import get_stages


async def test_stage_has_its_latest_epoch() -> None:
    bucket = MemoryBucket()
    labels, scan = get_stages(["labels", "scan"])
    assert await epochs.with_current_epoch(bucket, labels) == labels
    await epochs.start_epoch(bucket, "labels", 2)
    assert (await epochs.with_current_epoch(bucket, labels)).result_name == "labels@1e2"
    assert await epochs.with_current_epoch(bucket, scan) == scan


@pytest.mark.parametrize("content", [b"two", b"-1", b"9" * 5_000, b"\xff", b"1.5"])
async def test_epoch_that_is_no_number_stops_the_worker(content: bytes) -> None:
    bucket = MemoryBucket()
    [labels] = get_stages(["labels"])
    await bucket.put("_epochs/labels.txt", content, "text/plain")

    with pytest.raises(OutageError, match=r"^_epochs/labels\.txt in the results bucket is not .*: restore the object"):
        await epochs.with_current_epoch(bucket, labels)
