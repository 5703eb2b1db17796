"""One contract for every results bucket: those in memory behave as S3 does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

import pytest

from bench.harness.memory_store import DiscardingStore, MemoryStore
from headrace.console.replay.trial.overlay_bucket import OverlayBucket
from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.s3 import S3Bucket
from headrace.streams.limits.rate_limits import RateLimits
from headrace.streams.results import ResultsBucket
from headrace.streams.reuse.bucket import ContentBucket
from tests.contract.ai import connect, credentials
from tests.support.directory_bucket import FolderBucket
from tests.support.fake_services import MemoryBucket

JSON = "application/json"
FOLDER = "media/photos%2Fcat.jpg/"
OTHER = "media/photos%2Fcat.jpg.bak/"
PAGE = 1000


@pytest.fixture
def s3(aws_url: str, monkeypatch: pytest.MonkeyPatch) -> S3Bucket:
    """Create an empty bucket in the session's MiniStack."""
    return create_bucket(aws_url, monkeypatch)


@pytest.fixture
def moto_s3(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> S3Bucket:
    """Create an empty bucket in the session's moto."""
    return create_bucket(moto_url, monkeypatch)


def create_bucket(aws_url: str, monkeypatch: pytest.MonkeyPatch) -> S3Bucket:
    name = f"results-{uuid4()}"
    connect("s3", aws_url).create_bucket(Bucket=name)
    access = credentials(aws_url)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", access["region_name"])
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", access["aws_access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", access["aws_secret_access_key"])
    return S3Bucket(AwsClient(8, RateLimits({}, {})), name)


BUCKETS: dict[str, Callable[[pytest.FixtureRequest], ResultsBucket]] = {
    "s3": lambda request: request.getfixturevalue("s3"),
    "moto": lambda request: request.getfixturevalue("moto_s3"),
    "memory": lambda _: MemoryBucket(),
    "directory": lambda request: FolderBucket(request.getfixturevalue("tmp_path")),
    "overlay over memory": lambda _: OverlayBucket(MemoryBucket(), "trial", "labels"),
    "overlay over s3": lambda request: OverlayBucket(request.getfixturevalue("s3"), "trial", "labels"),
    "bench": lambda _: MemoryStore(),
}


def marked(names: Iterable[str]) -> list[Any]:
    return [pytest.param(name, marks=pytest.mark.moto) if name == "moto" else name for name in names]


@pytest.fixture(params=marked(BUCKETS))
def bucket(request: pytest.FixtureRequest) -> ResultsBucket:
    return BUCKETS[request.param](request)


async def test_get_of_a_missing_key_returns_none(bucket: ResultsBucket) -> None:
    assert await bucket.get(f"{FOLDER}1/labels@1.json") is None


@pytest.mark.parametrize("content", [b"", b"{}", bytes(range(256)) * 300], ids=["empty", "json", "binary"])
async def test_get_returns_the_bytes_that_were_put(bucket: ResultsBucket, content: bytes) -> None:
    await bucket.put(f"{FOLDER}1/labels@1.json", content, JSON)
    assert await bucket.get(f"{FOLDER}1/labels@1.json") == content


async def test_put_overwrites(bucket: ResultsBucket) -> None:
    for content in (b"old, and longer", b"new"):
        await bucket.put(f"{FOLDER}1/labels@1.json", content, JSON)
    assert await bucket.get(f"{FOLDER}1/labels@1.json") == b"new"
    assert await bucket.list(FOLDER, "") == [f"{FOLDER}1/labels@1.json"]


async def test_list_of_an_empty_prefix_is_empty(bucket: ResultsBucket) -> None:
    assert await bucket.list(FOLDER, "") == []


async def test_list_is_in_the_order_of_utf8_bytes(bucket: ResultsBucket) -> None:
    names = ["b", "a", "B", "a-b", "a.b", "a0", "é", "z", "\uffff", "\U0001f600", "~", "10", "9"]
    for name in names:
        await bucket.put(f"{FOLDER}{name}", b"", JSON)
    expected = [f"{FOLDER}{name}" for name in sorted(names, key=str.encode)]
    assert await bucket.list(FOLDER, "") == expected


async def test_list_returns_only_keys_under_the_prefix(bucket: ResultsBucket) -> None:
    for folder in (FOLDER, OTHER, "media/photos%2FCat.jpg/", "other/photos%2Fcat.jpg/"):
        await bucket.put(f"{folder}1/probe@1.json", b"", JSON)
    assert await bucket.list(FOLDER, "") == [f"{FOLDER}1/probe@1.json"]


@pytest.mark.each_emulator
async def test_list_starts_behind_a_key_which_need_not_exist(bucket: ResultsBucket) -> None:
    keys = [f"{FOLDER}{version}/probe@1.json" for version in ("1", "2", "3")]
    for key in keys:
        await bucket.put(key, b"", JSON)
    assert await bucket.list(FOLDER, keys[1]) == keys[2:]
    assert await bucket.list(FOLDER, f"{FOLDER}2/") == keys[1:]
    assert await bucket.list(FOLDER, f"{FOLDER}9/") == []


@pytest.mark.each_emulator
async def test_keys_may_hold_any_script_and_what_urls_escape(bucket: ResultsBucket) -> None:
    keys = sorted(
        (f"{FOLDER}1/{name}" for name in ("ключ", "写真 1", "a+b&c=d", "100%", "%2F", "é", "e\u0301")), key=str.encode
    )
    for key in keys:
        await bucket.put(key, key.encode(), JSON)
    assert [await bucket.get(key) for key in keys] == [key.encode() for key in keys]
    assert await bucket.list(FOLDER, "") == keys


@pytest.mark.parametrize("bucket", marked(name for name in BUCKETS if name != "bench"), indirect=True)
async def test_list_returns_at_most_1000_keys(bucket: ResultsBucket) -> None:
    keys = [f"{FOLDER}{number:04}" for number in range(PAGE + 5)]
    for key in keys:
        await bucket.put(key, b"", JSON)
    assert await bucket.list(FOLDER, "") == keys[:PAGE]
    assert await bucket.list(FOLDER, keys[PAGE - 1]) == keys[PAGE:]


async def test_discarding_store_is_always_empty() -> None:
    bucket = DiscardingStore()
    await bucket.put(f"{FOLDER}1/labels@1.json", b"{}", JSON)
    assert await bucket.get(f"{FOLDER}1/labels@1.json") is None
    assert await bucket.list(FOLDER, "") == []


@pytest.fixture(params=marked(("s3", "moto", "memory")))
def content_bucket(request: pytest.FixtureRequest) -> ContentBucket:
    found: Any = BUCKETS[request.param](request)
    content: ContentBucket = found
    return content


@pytest.mark.each_emulator
async def test_conditional_put_creates_an_object_once(content_bucket: ContentBucket) -> None:
    key = "_content/labels@1/é.json"
    assert await content_bucket.get_tagged(key) is None
    assert await content_bucket.put_if(key, b"1", None)
    assert not await content_bucket.put_if(key, b"2", None)
    found = await content_bucket.get_tagged(key)
    assert found is not None
    assert found.content == b"1"


async def test_conditional_put_replaces_only_what_was_read(content_bucket: ContentBucket) -> None:
    key = "_content/labels@1/a.json"
    assert not await content_bucket.put_if(key, b"0", '"0cc175b9c0f1b6a831c399e269772661"')
    await content_bucket.put_if(key, b"1", None)
    before = await content_bucket.get_tagged(key)
    assert before is not None
    assert await content_bucket.put_if(key, b"2", before.etag)
    assert not await content_bucket.put_if(key, b"3", before.etag)
    assert await content_bucket.get(key) == b"2"


async def test_one_of_many_conditional_puts_creates_the_object(content_bucket: ContentBucket) -> None:
    key = "_content/labels@1/b.json"
    puts = [content_bucket.put_if(key, str(number).encode(), None) for number in range(20)]
    assert sum(await asyncio.gather(*puts)) == 1


async def test_copy_returns_false_without_a_source(content_bucket: ContentBucket) -> None:
    assert not await content_bucket.copy("missing", "target")
    await content_bucket.put("a/é +%2F?.json", b"{}", JSON)
    assert await content_bucket.copy("a/é +%2F?.json", "b/ü &.json")
    assert await content_bucket.get("b/ü &.json") == b"{}"
