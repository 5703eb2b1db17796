"""Tests of the results store: stored events, failures, job intents and newer versions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.schemas.records import StageFailure
from headrace.streams.results import ResultsStore, asset_folder, version_folder
from tests.support.fake_services import MemoryBucket
from tests.support.records import asset, envelope, ready, scanned

FAILURE = StageFailure(stage="scan", code="infected", reason="EICAR")


@pytest.fixture
def bucket() -> MemoryBucket:
    return MemoryBucket()


@pytest.fixture
def results(bucket: MemoryBucket) -> ResultsStore:
    return ResultsStore(bucket)


async def test_returns_a_stored_event_unchanged(results: ResultsStore) -> None:
    event = ready(duration_seconds=8.2)
    await results.put(event.asset, "ready@1", event, envelope(event), "cause")
    loaded = await results.load(event.asset)
    stored = await loaded.stored("ready@1")
    assert stored is not None
    assert (stored.record(), stored.envelope, stored.cause) == (event, envelope(event), "cause")
    assert await loaded.event("ready") == event


async def test_load_lists_the_bucket_once(results: ResultsStore, bucket: MemoryBucket) -> None:
    await results.load(asset())
    assert bucket.calls == ["list"]


async def test_result_replaces_a_failure(results: ResultsStore) -> None:
    await results.put_failure(asset(), "scan@1", FAILURE)
    loaded = await results.load(asset())
    assert loaded.failed("scan")
    assert await loaded.failure("scan") == FAILURE
    await results.put(asset(), "scan@1", scanned(), envelope(scanned()), "cause")
    assert not (await results.load(asset())).failed("scan")


async def test_started_job_is_no_result(results: ResultsStore) -> None:
    await results.put(asset(), "labels@1.started", ready(), envelope(ready()), "cause")
    await results.put_blob(asset(), "labels@1.answer.json", b"{}", "application/json")
    assert (await results.load(asset())).result("labels") is None


async def test_newer_version_is_reported(results: ResultsStore) -> None:
    older, newer = asset(sequencer="0A", version="e1"), asset(sequencer="0B", version="e2")
    await results.put(older, "scan@1", None, envelope(scanned()), "cause")
    assert not (await results.load(newer)).newer
    await results.put(newer, "scan@1", None, envelope(scanned()), "cause")
    assert (await results.load(older)).newer
    assert not (await results.load(newer)).newer


async def test_orders_sequencers_of_different_length(results: ResultsStore) -> None:
    shorter, longer = asset(sequencer="0055AED6DCD90281E5"), asset(sequencer="0055AED6DCD90281E50001", version="e2")
    await results.put(longer, "scan@1", None, envelope(scanned()), "cause")
    assert (await results.load(shorter)).newer


async def test_keys_with_a_common_prefix_are_separate(results: ResultsStore) -> None:
    inner = asset("photos/cat.jpg/0A")
    await results.put(inner, "scan@1", None, envelope(scanned()), "cause")
    loaded = await results.load(asset("photos/cat.jpg"))
    assert loaded.result("scan") is None
    assert not loaded.newer


@given(one=st.text(min_size=1, max_size=300), other=st.text(min_size=1, max_size=300))
def test_folders_are_unique_and_valid_keys(one: str, other: str) -> None:
    try:
        first, second = asset_folder(asset(one)), asset_folder(asset(other))
    except UnicodeEncodeError:  # a lone surrogate is no S3 key
        return
    assert (first == second) == (one == other)
    assert len((version_folder(asset(one)) + "transcript@1.answer.json").encode()) <= 1024
    assert all(part.strip(".") for part in first.rstrip("/").split("/"))


async def test_returns_the_intent_of_a_job(results: ResultsStore) -> None:
    await results.put_intent("labels-1", "labels", ready(), envelope(ready()))
    intent = await results.intent("labels-1")
    assert intent is not None
    assert (intent.record(), intent.stage, intent.envelope) == (ready(), "labels", envelope(ready()))
    assert await results.intent("labels-2") is None


async def test_pointer_has_location_size_and_digest(results: ResultsStore, bucket: MemoryBucket) -> None:
    pointer = await results.put_blob(asset(), "labels@1.answer.json", b"{}", "application/json")
    assert bucket.objects[pointer.key] == b"{}"
    assert (pointer.bucket, pointer.size) == ("results", 2)
    assert pointer.sha256 == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


async def test_compares_stage_versions_as_numbers() -> None:
    results = ResultsStore(MemoryBucket())
    for number in (9, 10):
        await results.put(asset(), f"labels@{number}", None, envelope(ready()), "cause")
    assert (await results.load(asset())).result("labels") == "labels@10"
