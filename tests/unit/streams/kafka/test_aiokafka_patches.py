"""Tests of the aiokafka patches: decoded records, the wait of fetches and a throttled metadata refresh."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.consumer.fetcher import FetchError, FetchResult, PartitionRecords
from aiokafka.errors import CommitFailedError, RequestTimedOutError, UnknownTopicOrPartitionError
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition

from headrace.schemas.messages import ConsumerRecord
from headrace.streams.kafka import aiokafka_patches
from headrace.streams.kafka.aiokafka_patches import (
    BUSY_WAIT_MS,
    IDLE_WAIT_MS,
    decode_into_consumer_records,
    end_commits_of_deleted_topics,
    wait_longer_while_idle,
)

TP = TopicPartition("media.ready", 3)


def encoded_batch() -> bytes:
    """Return an encoded batch of two records: one with all fields, one with none."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, producer_id=-1, producer_epoch=-1, base_sequence=-1, batch_size=4096)
    builder.append(0, timestamp=1_700_000_000_123, key=b"key", value=b"value", headers=[("ce_id", b"1"), ("no", None)])
    builder.append(1, timestamp=1_700_000_000_456, key=None, value=None, headers=[])
    return bytes(builder.build())


class Fetcher:
    """The patched part of aiokafka's fetcher."""

    def __init__(self) -> None:
        self._records: dict[Any, Any] = {TopicPartition("media.ready", 1): FetchError(error=KeyError(), backoff=0)}

    async def _proc_fetch_request(self, *_: Any) -> bool:
        records = PartitionRecords(TP, MemoryRecords(encoded_batch()), [], 0, None, None, True, 0)
        state = SimpleNamespace(consumed_to=lambda _: None)
        assignment: Any = SimpleNamespace(active=True, state_value=lambda _: state, tps={TP})
        self._records[TP] = FetchResult(TP, assignment=assignment, partition_records=records, backoff=0)
        return True


async def test_fetch_returns_consumer_records_with_timestamps_in_seconds() -> None:
    fetcher: Any = Fetcher()
    decode_into_consumer_records(fetcher)
    assert await fetcher._proc_fetch_request("assignment", 1, "request") is True
    assert [*fetcher._records[TP]._partition_records] == [
        ConsumerRecord("media.ready", 3, 0, 1_700_000_000.123, b"key", b"value", (("ce_id", b"1"), ("no", None))),
        ConsumerRecord("media.ready", 3, 1, 1_700_000_000.456, None, None, ()),
    ]


async def test_commit_for_a_deleted_topic_fails_with_the_error_that_faust_repeats() -> None:
    errors: list[Exception] = [UnknownTopicOrPartitionError(), RequestTimedOutError()]
    requests: list[tuple[str, ...]] = []

    async def commit(*request: str) -> None:
        requests.append(request)
        if errors:
            raise errors.pop(0)

    client: Any = SimpleNamespace(_coordinator=SimpleNamespace(_do_commit_offsets=commit))
    end_commits_of_deleted_topics(client)

    with pytest.raises(CommitFailedError, match="already rebalanced"):
        await client._coordinator._do_commit_offsets("assignment", "offsets")
    with pytest.raises(RequestTimedOutError):
        await client._coordinator._do_commit_offsets("assignment", "offsets")
    await client._coordinator._do_commit_offsets("assignment", "offsets")
    assert requests == [("assignment", "offsets")] * 3


class IdleFetcher:
    """The patched part of aiokafka's fetcher, whose fetches return no record."""

    def __init__(self, **records: Any) -> None:
        self._records = records

    async def _proc_fetch_request(self, *_: Any) -> bool:
        return False


async def test_fetch_waits_longer_only_while_no_partition_has_records() -> None:
    busy, idle, held_back = cast(Any, Fetcher()), cast(Any, IdleFetcher()), cast(Any, IdleFetcher(records="fetched"))
    for fetcher in (busy, idle, held_back):
        wait_longer_while_idle(fetcher)
        assert fetcher._fetch_max_wait_ms == BUSY_WAIT_MS
        await fetcher._proc_fetch_request("assignment", 1, "request")
    assert (busy._fetch_max_wait_ms, idle._fetch_max_wait_ms) == (BUSY_WAIT_MS, IDLE_WAIT_MS)
    assert held_back._fetch_max_wait_ms == BUSY_WAIT_MS


class Client:
    """The patched part of aiokafka's client."""

    def __init__(self, succeeds: bool) -> None:
        self._succeeds = succeeds
        self.calls: list[Any] = []

    async def _metadata_update(self, *arguments: Any) -> bool:
        self.calls.append(arguments)
        return self._succeeds


@pytest.mark.parametrize(("succeeds", "pauses"), [(True, []), (False, [aiokafka_patches.PAUSE_SECONDS])])
async def test_waits_after_a_failed_metadata_refresh(
    succeeds: bool, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = Client(succeeds)
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(aiokafka_patches, "asyncio", SimpleNamespace(sleep=sleep))
    aiokafka_patches.throttle_metadata_refresh(client)
    assert await client._metadata_update("cluster", ["topics"]) is succeeds
    assert client.calls == [("cluster", ["topics"])]
    assert waits == pauses
