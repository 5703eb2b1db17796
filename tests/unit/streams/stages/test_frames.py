"""Tests of the stored frames of a video, which all stages share."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from headrace.schemas.records import MediaReady
from headrace.streams.result_paths import read_result_name
from headrace.streams.results import ResultsStore
from headrace.streams.stages._frames import INDEX, picture_of, sampled_frames
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.records import ready

VIDEO = Path(__file__).parents[4] / "sandbox" / "media" / "rabbit.mp4"


@pytest.fixture
def bucket() -> MemoryBucket:
    return MemoryBucket()


@pytest.fixture
def fake() -> FakeServices:
    return FakeServices(path=VIDEO)


def video(**changes: Any) -> MediaReady:
    return ready(kind="video", format="mov", duration_seconds=7.8, width=320, height=240, **changes)


async def test_frames_are_stored_once(bucket: MemoryBucket, fake: FakeServices) -> None:
    services = fake.services(ResultsStore(bucket))
    first = await sampled_frames(video(), services)
    stored = dict(bucket.objects)
    assert await sampled_frames(video(), services) == first
    assert bucket.objects == stored
    assert fake.asked("fetched") == 1


async def test_stages_of_a_process_share_one_sampling(bucket: MemoryBucket, fake: FakeServices) -> None:
    services = fake.services(ResultsStore(bucket))
    found = await asyncio.gather(*(sampled_frames(video(), services) for _ in range(5)))
    assert len(set(found)) == 1
    assert fake.asked("fetched") == 1


async def test_sampling_again_stores_the_same(bucket: MemoryBucket, fake: FakeServices) -> None:
    services = fake.services(ResultsStore(bucket))
    await sampled_frames(video(), services)
    stored = dict(bucket.objects)
    bucket.objects.clear()
    await sampled_frames(video(), services)
    assert bucket.objects == stored


async def test_picture_is_the_stored_frame(bucket: MemoryBucket, fake: FakeServices) -> None:
    services = fake.services(ResultsStore(bucket))
    for frame in await sampled_frames(video(), services):
        picture = picture_of(frame)
        assert (picture.bucket, picture.width, picture.height) == ("results", 320, 240)
        assert picture.content_type == "image/jpeg"
        assert len(bucket.objects[picture.key]) == picture.size
        assert picture.key.endswith(f"/frames@1.{round(frame.at * 1000):09}.jpg")


async def test_failed_upload_leaves_no_index(
    bucket: MemoryBucket, fake: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = fake.services(ResultsStore(bucket))
    put, calls = bucket.put, 0

    async def failing(key: str, content: bytes, content_type: str) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise ConnectionError
        await put(key, content, content_type)

    monkeypatch.setattr(bucket, "put", failing)
    with pytest.raises(ConnectionError):
        await sampled_frames(video(), services)
    assert not any(key.endswith(INDEX) for key in bucket.objects)
    assert len(await sampled_frames(video(), services)) >= 2


async def test_frames_are_no_result_of_a_stage(bucket: MemoryBucket, fake: FakeServices) -> None:
    store = ResultsStore(bucket)
    await sampled_frames(video(), fake.services(store))
    assert await (await store.load(video().asset)).charges() == []
    assert {read_result_name(key.rpartition("/")[2]) for key in bucket.objects} == {None}
