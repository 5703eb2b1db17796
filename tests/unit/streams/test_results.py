"""The results store: nothing is paid for twice, and newer versions are known."""

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


async def test_a_stored_event_comes_back_as_it_was(results: ResultsStore) -> None:
    event = ready(duration_seconds=8.2)
    await results.put(event.asset, "ready@1", event, envelope(event), "cause")
    shelf = await results.load(event.asset)
    stored = await shelf.stored("ready@1")
    assert stored is not None
    assert (stored.record(), stored.envelope, stored.cause) == (event, envelope(event), "cause")
    assert await shelf.event("ready") == event


async def test_one_request_tells_what_is_there(results: ResultsStore, bucket: MemoryBucket) -> None:
    await results.load(asset())
    assert bucket.calls == ["list"]


async def test_a_failure_counts_until_there_is_a_result(results: ResultsStore) -> None:
    await results.put_failure(asset(), "scan@1", FAILURE)
    shelf = await results.load(asset())
    assert shelf.failed("scan")
    assert await shelf.failure("scan") == FAILURE
    await results.put(asset(), "scan@1", scanned(), envelope(scanned()), "cause")
    assert not (await results.load(asset())).failed("scan")


async def test_a_job_that_was_started_is_no_result(results: ResultsStore) -> None:
    await results.put(asset(), "labels@1.started", ready(), envelope(ready()), "cause")
    await results.put_blob(asset(), "labels@1.answer.json", b"{}", "application/json")
    assert (await results.load(asset())).result("labels") is None


async def test_a_newer_version_is_seen_and_an_older_one_is_not(results: ResultsStore) -> None:
    older, newer = asset(sequencer="0A", version="e1"), asset(sequencer="0B", version="e2")
    await results.put(older, "scan@1", None, envelope(scanned()), "cause")
    assert not (await results.load(newer)).newer
    await results.put(newer, "scan@1", None, envelope(scanned()), "cause")
    assert (await results.load(older)).newer
    assert not (await results.load(newer)).newer


async def test_sequencers_of_different_length_are_ordered_as_s3_says(results: ResultsStore) -> None:
    shorter, longer = asset(sequencer="0055AED6DCD90281E5"), asset(sequencer="0055AED6DCD90281E50001", version="e2")
    await results.put(longer, "scan@1", None, envelope(scanned()), "cause")
    assert (await results.load(shorter)).newer


async def test_objects_whose_keys_begin_alike_share_nothing(results: ResultsStore) -> None:
    inner = asset("photos/cat.jpg/0A")
    await results.put(inner, "scan@1", None, envelope(scanned()), "cause")
    shelf = await results.load(asset("photos/cat.jpg"))
    assert shelf.result("scan") is None
    assert not shelf.newer


@given(one=st.text(min_size=1, max_size=300), other=st.text(min_size=1, max_size=300))
def test_two_keys_have_two_folders_and_both_are_safe(one: str, other: str) -> None:
    try:
        first, second = asset_folder(asset(one)), asset_folder(asset(other))
    except UnicodeEncodeError:  # a lone surrogate is no S3 key
        return
    assert (first == second) == (one == other)
    assert len((version_folder(asset(one)) + "transcript@1.answer.json").encode()) <= 1024
    assert all(part.strip(".") for part in first.rstrip("/").split("/"))


async def test_an_intent_tells_what_a_job_was_for(results: ResultsStore) -> None:
    await results.put_intent("labels-1", "labels", ready(), envelope(ready()))
    intent = await results.intent("labels-1")
    assert intent is not None
    assert (intent.record(), intent.stage, intent.envelope) == (ready(), "labels", envelope(ready()))
    assert await results.intent("labels-2") is None


async def test_a_pointer_says_where_how_big_and_what(results: ResultsStore, bucket: MemoryBucket) -> None:
    pointer = await results.put_blob(asset(), "labels@1.answer.json", b"{}", "application/json")
    assert bucket.objects[pointer.key] == b"{}"
    assert (pointer.bucket, pointer.size) == ("results", 2)
    assert pointer.sha256 == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


async def test_the_tenth_version_of_a_stage_is_newer_than_the_ninth() -> None:
    results = ResultsStore(MemoryBucket())
    for number in (9, 10):
        await results.put(asset(), f"labels@{number}", None, envelope(ready()), "cause")
    assert (await results.load(asset())).result("labels") == "labels@10"
