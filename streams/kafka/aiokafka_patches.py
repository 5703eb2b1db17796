"""Patches of aiokafka: its records, the waits of fetches and metadata requests, and commits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiokafka.consumer.fetcher import FetchResult
from aiokafka.errors import CommitFailedError, UnknownTopicOrPartitionError
from aiokafka.structs import OffsetAndMetadata

from headrace.schemas.messages import ConsumerRecord
from headrace.streams.kafka import client_log


def decode_into_consumer_records(fetcher: Any) -> None:
    """Make a fetcher of aiokafka return `ConsumerRecord` instead of its own record type.

    Creating both costs 20 % of a record without work. aiokafka unpacks a batch lazily, so replacing the method that
    builds a record is enough.
    """
    fetch = fetcher._proc_fetch_request

    async def fetch_and_prepare(*request: Any) -> bool:
        needs_wakeup: bool = await fetch(*request)
        for result in fetcher._records.values():
            if isinstance(result, FetchResult) and result.has_more():
                result._partition_records._consumer_record = to_consumer_record
        return needs_wakeup

    fetcher._proc_fetch_request = fetch_and_prepare


BUSY_WAIT_MS = 100
"""How long the broker delays an empty fetch response. No other fetch runs meanwhile. The retry topic is usually empty,
so Faust's default of 1,500 ms would idle a busy stage half of the time."""
IDLE_WAIT_MS = 500
"""The same while every partition is empty: the broker answers once any has a record. Kafka's default."""


def wait_longer_while_idle(fetcher: Any) -> None:
    """Let a fetcher of aiokafka wait longer after a fetch of all partitions that returned no record.

    A worker with 30 idle stages would otherwise send 300 fetches a second.
    """
    fetch = fetcher._proc_fetch_request

    async def fetch_and_set_wait(*request: Any) -> bool:
        needs_wakeup: bool = await fetch(*request)
        is_busy = needs_wakeup or fetcher._records  # the next fetch leaves partitions with fetched records out
        fetcher._fetch_max_wait_ms = BUSY_WAIT_MS if is_busy else IDLE_WAIT_MS
        return needs_wakeup

    fetcher._fetch_max_wait_ms = BUSY_WAIT_MS
    fetcher._proc_fetch_request = fetch_and_set_wait


def to_consumer_record(tp: Any, record: Any) -> ConsumerRecord:
    """Convert a raw record of aiokafka."""
    return ConsumerRecord(
        tp.topic, tp.partition, record.offset, record.timestamp / 1000, record.key, record.value, tuple(record.headers)
    )


def add_commit_metadata(client: Any, metadata: Mapping[Any, tuple[int, str]]) -> None:
    """Commit each offset of an aiokafka client with its metadata, which Faust leaves empty."""
    commit = client.commit

    async def commit_with_metadata(offsets: Mapping[Any, OffsetAndMetadata]) -> None:
        known = {tp: metadata.get(tp, (-1, "")) for tp in offsets}
        texts = {tp: text if offset == offsets[tp].offset else "" for tp, (offset, text) in known.items()}
        await commit({tp: OffsetAndMetadata(each.offset, texts[tp]) for tp, each in offsets.items()})

    client.commit = commit_with_metadata


def end_commits_of_deleted_topics(client: Any) -> None:
    """Let a commit fail if a topic does not exist.

    aiokafka repeats it until the topic exists, and the rebalance that would revoke its partitions waits for it. Faust
    repeats a commit that failed with this error.
    """
    coordinator = client._coordinator
    commit = coordinator._do_commit_offsets

    async def commit_or_fail(*request: Any) -> None:
        try:
            await commit(*request)
        except UnknownTopicOrPartitionError as error:
            raise CommitFailedError("the topic is unknown, or the group has already rebalanced") from error

    coordinator._do_commit_offsets = commit_or_fail


PAUSE_SECONDS = 0.2


def throttle_metadata_refresh(client: Any) -> None:
    """Wait 0.2 s after a failed metadata refresh of an aiokafka client, and note a successful one.

    aiokafka refreshes at once while a partition has no leader. When every broker refuses connections, as after a
    cluster shutdown, that uses a whole core.
    """
    update = client._metadata_update

    async def update_or_wait(*arguments: Any) -> bool:
        done: bool = await update(*arguments)
        if done:
            client_log.answered()
        else:
            await asyncio.sleep(PAUSE_SECONDS)
        return done

    client._metadata_update = update_or_wait
