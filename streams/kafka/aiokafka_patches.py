"""What one fetch gave, on its way from the consumer to the lanes."""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka.consumer.fetcher import FetchResult

from headrace.schemas.messages import ConsumerRecord


def decode_into_consumer_records(fetcher: Any) -> None:
    """Let a fetcher of aiokafka give `Received`, and not records of its own that would be copied into one each.

    To make both is a fifth of what a record costs that needs no work. aiokafka unpacks what was fetched only when it is
    asked for it, so that all there is to change is what each record is made into.
    """
    fetch = fetcher._proc_fetch_request

    async def fetch_and_prepare(*request: Any) -> bool:
        needs_wakeup: bool = await fetch(*request)
        for result in fetcher._records.values():
            if isinstance(result, FetchResult) and result.has_more():
                result._partition_records._consumer_record = to_consumer_record
        return needs_wakeup

    fetcher._proc_fetch_request = fetch_and_prepare


def to_consumer_record(tp: Any, record: Any) -> ConsumerRecord:
    """Take over a record as aiokafka reads it from a partition."""
    return ConsumerRecord(
        tp.topic, tp.partition, record.offset, record.timestamp / 1000, record.key, record.value, tuple(record.headers)
    )


PAUSE_SECONDS = 0.2


def throttle_metadata_refresh(client: Any) -> None:
    """Let a client of aiokafka wait a little when nobody answered.

    It asks again at once for as long as a partition has no leader: where every broker refuses a connection, as at the
    end of a cluster that was shut down broker by broker, that takes a whole core.
    """
    update = client._metadata_update

    async def update_or_wait(*told: Any) -> bool:
        done: bool = await update(*told)
        if not done:
            await asyncio.sleep(PAUSE_SECONDS)
        return done

    client._metadata_update = update_or_wait
