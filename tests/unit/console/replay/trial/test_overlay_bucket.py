"""Listing an overlay over prefixes with more keys than one page."""

from __future__ import annotations

import pytest

from headrace.console.replay.trial.overlay_bucket import PAGE, OverlayBucket, folder_of
from tests.support.fake_services import MemoryBucket

FOLDER = "media/photos%2Fcat.jpg/"


def results(stage: str, numbers: range) -> set[str]:
    """Return the keys of one result per version."""
    return {f"{FOLDER}{number:05}/{stage}@1.json" for number in numbers}


async def pages(bucket: OverlayBucket) -> list[str]:
    """List every key, page by page."""
    keys: list[str] = []
    while page := await bucket.list(FOLDER, keys[-1] if keys else ""):
        assert len(page) <= PAGE
        keys += page
    return keys


@pytest.mark.parametrize(
    ("live", "own"),
    [
        pytest.param(results("labels", range(1500)) | results("probe", range(1400, 1500)), set(), id="hidden first"),
        pytest.param(results("labels", range(1500)) | results("probe", range(1500)), set(), id="hidden between"),
        pytest.param(results("probe", range(1500)), results("labels", range(1500)), id="both sides"),
        pytest.param(results("probe", range(1500)), results("labels", range(2000, 2010)), id="own behind the page"),
        pytest.param(
            results("labels", range(1000)) | results("probe", range(1000, 1500)),
            results("labels", range(2000, 2010)),
            id="live between a hidden page and own",
        ),
        pytest.param(results("probe", range(10)), results("labels", range(1500)), id="more own than live"),
        pytest.param(results("probe", range(1500)), results("probe", range(1000, 1500)), id="same keys"),
        pytest.param(results("labels", range(1500)), set(), id="all hidden"),
        pytest.param(results("probe", range(PAGE)), results("labels", range(PAGE)), id="full pages"),
    ],
)
async def test_list_skips_no_key_above_1000(live: set[str], own: set[str]) -> None:
    memory = MemoryBucket()
    memory.objects = dict.fromkeys({*live, *(folder_of("trial") + key for key in own)}, b"")
    hidden = results("labels", range(5000))
    assert await pages(OverlayBucket(memory, "trial", "labels")) == sorted((live - hidden) | own)
