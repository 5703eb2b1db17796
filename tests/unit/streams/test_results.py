"""Tests of the results store: stored events, failures, job intents and newer versions."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headrace.schemas.records import StageFailure
from headrace.streams.result_paths import (
    VersionPath,
    asset_folder,
    read_result_name,
    read_version_folder,
    version_folder,
)
from headrace.streams.results import ResultsStore
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


LONG_KEY = "k" * 600
DIGEST_OF_LONG_KEY = "sha256-" + hashlib.sha256(LONG_KEY.encode()).hexdigest()
PLAIN = st.text(st.characters(codec="utf-8"), min_size=1, max_size=600)
QUOTED = st.sampled_from(["%2F", "%25", "%", "/", ".", "..", "%73", "sha256-", "SHA256-", "a", DIGEST_OF_LONG_KEY])
NAMES = PLAIN | st.lists(QUOTED, min_size=1, max_size=4).map("".join)


@st.composite
def _names_and_digests(draw: st.DrawFn) -> tuple[str, str]:
    """Draw two names; the second is often the digest of the first, once or twice quoted."""
    one, other = draw(NAMES), draw(NAMES)
    digest = "sha256-" + hashlib.sha256(one.encode()).hexdigest()
    return one, draw(st.sampled_from([other, digest, "%73" + digest[1:], "%2573" + digest[1:]]))


@given(_names_and_digests())
@example((LONG_KEY, DIGEST_OF_LONG_KEY))
@example(("...", "sha256-" + hashlib.sha256(b"...").hexdigest()))
@example((DIGEST_OF_LONG_KEY, "%73" + DIGEST_OF_LONG_KEY[1:]))
def test_folder_of_a_key_belongs_to_no_other_key(names: tuple[str, str]) -> None:
    one, other = names
    first, second = asset_folder(asset(one)), asset_folder(asset(other))
    assert (first == second) == (one == other)
    assert not first.startswith(second) or one == other
    assert all(part.strip(".") for part in first.rstrip("/").split("/"))


@given(_names_and_digests())
def test_folder_of_a_version_belongs_to_no_other_version(versions: tuple[str, str]) -> None:
    one, other = versions
    first, second = version_folder(asset(version=one)), version_folder(asset(version=other))
    assert (first == second) == (one == other)


@given(_names_and_digests(), st.sampled_from(["0A", "0A-x", "0A/x", "", "-"]))
def test_folder_is_a_valid_key_in_the_longest_bucket(names: tuple[str, str], sequencer: str) -> None:
    longest = asset(names[0], bucket="b" * 63, version=names[1], sequencer=sequencer)
    assert len((version_folder(longest) + "a" * 60).encode()) <= 1024
    assert version_folder(longest).count("/") == 3


@given(st.sampled_from(["media", "_jobs", "_transcribe", "a/b", "..", "%5Fjobs", "_", "Media_2"]), PLAIN)
def test_folder_of_a_bucket_is_not_a_folder_of_headrace(bucket: str, key: str) -> None:
    folder = asset_folder(asset(key, bucket=bucket))
    assert not folder.startswith(("_", "../", "/"))
    assert folder.count("/") == 2


def test_folders_of_ordinary_keys_are_stable() -> None:
    """Stored results are read by this path: a change makes every paid call again."""
    stored = asset("photos/Überblick 1.jpg", bucket="media-2.example", version="v1_2.3", sequencer="0A")
    folder = "media-2.example/photos%2F%C3%9Cberblick%201.jpg/"
    assert version_folder(stored) == f"{folder}{'0A'.ljust(32, '0')}-v1_2.3/"
    assert asset_folder(asset(LONG_KEY)) == f"media/{DIGEST_OF_LONG_KEY}/"


async def test_key_that_is_the_digest_of_another_has_its_own_results(results: ResultsStore) -> None:
    newer = asset(LONG_KEY, sequencer="0B")
    await results.put(newer, "scan@1", None, envelope(scanned()), "cause")
    loaded = await results.load(asset(DIGEST_OF_LONG_KEY, sequencer="0A"))
    assert not loaded.newer
    assert loaded.result("scan") is None


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


@given(st.text(min_size=1, max_size=40), st.text(max_size=20), st.from_regex("[0-9A-F]{0,20}", fullmatch=True))
@example("..", "", "")
@example("a/sha256-" + "0" * 64, "sha256-x", "0A")
@example("sha256-" + "0" * 64, "-", "0A")
def test_folder_of_a_version_is_read_back(key: str, version: str, sequencer: str) -> None:
    of = asset(key=key, version=version, sequencer=sequencer)
    read = read_version_folder(version_folder(of))
    hashed = not key.strip(".") or not version.strip(".")
    assert read == (None if hashed else VersionPath("media", key, sequencer.ljust(32, "0"), version))


def test_long_names_and_other_folders_are_not_read_back() -> None:
    assert read_version_folder(version_folder(asset(key="k" * 1000))) is None
    assert read_version_folder("_trials/a/b/") is None
    assert read_version_folder("media/a/") is None


def test_name_of_an_object_has_its_stage_and_kind() -> None:
    assert read_result_name("text-in-video@2e3-0a.json") == ("text-in-video", "result")
    assert read_result_name("labels@1.started.json") == ("labels", "started")
    assert read_result_name("labels@1.failed.json") == ("labels", "failed")
    assert read_result_name("labels@1.answer.json") is None
    assert read_result_name("labels@1.json.bak") is None
