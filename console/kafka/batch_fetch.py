"""Reads long spans of partitions by aiokafka's compiled parser of record batches: in half of librdkafka's time.

It knows the ordinary case alone: whatever else comes up (a leader that moves, a broker that is lost, records that have
expired, a transaction that was given up, a header that is no text) ends it, and whoever called reads the rest in the
usual way. Source: Kafka's protocol guide, "Fetch API" and "Record Batch".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, islice
from typing import Any

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record import MemoryRecords

from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord
from headrace.streams.kafka import auth

Answer = asyncio.Task[Any]

BYTES = 256 << 10
"""How much is asked for at once: what a processor's cache has room for."""
SOME = 50
"""Records at once: few enough to stay in the cache until they have been looked at."""
ANSWER_MS = 10_000
READ_COMMITTED = 1

_OUT_OF_THE_ORDINARY = (KafkaError, OSError, ValueError, AttributeError, IndexError)
"""What aiokafka raises for a broker that is away, for an answer without what was asked for, and for broken records."""


def read(
    settings: KafkaSettings, spans: dict[TopicAndPartition, OffsetRange], values: bool
) -> Iterator[list[ConsumerRecord]]:
    """Read spans, one partition after the other, each list from one of them in its order.

    What has been read is taken out of `spans`; what is left in it when this ends has not been read.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it would complain of is tried again by another
    with asyncio.Runner() as runner, suppress(*_OUT_OF_THE_ORDINARY):
        client = runner.run(_client(settings))
        try:
            runner.run(_bootstrap(client, {topic for topic, _ in spans}))
            for place, span in list(spans.items()):
                for batch in _batches(runner, client, place, span):
                    for records in _records(place, batch, span, values):
                        spans[place] = OffsetRange(records[-1].offset + 1, span.high)
                        yield records
                del spans[place]
        finally:
            runner.run(client.close())


async def _client(settings: KafkaSettings) -> AIOKafkaClient:
    return AIOKafkaClient(
        bootstrap_servers=settings.bootstrap_servers, request_timeout_ms=ANSWER_MS, **auth.aiokafka_options(settings)
    )


async def _bootstrap(client: AIOKafkaClient, topics: set[str]) -> None:
    await client.bootstrap()
    await client.set_topics(topics)


def _batches(
    runner: asyncio.Runner, client: AIOKafkaClient, place: TopicAndPartition, span: OffsetRange
) -> Iterator[Any]:
    """Fetch a partition's batches. The next answer is on its way while one is looked at."""
    position, answer = span.low, None
    while position < span.high:
        batches, answer = runner.run(_fetched(client, place, OffsetRange(position, span.high), answer))
        position = batches[-1].next_offset
        yield from batches


async def _fetched(
    client: AIOKafkaClient, place: TopicAndPartition, span: OffsetRange, answer: Answer | None
) -> tuple[list[Any], Answer | None]:
    batches = _parsed(await (answer or _ask(client, place, span.low)))
    position = batches[-1].next_offset
    ahead = _ask(client, place, position) if position < span.high else None
    await asyncio.sleep(0)  # the request leaves before this ends
    return batches, ahead


def _ask(client: AIOKafkaClient, place: TopicAndPartition, offset: int) -> Answer:
    topic, partition = place
    leader = client.cluster.leader_for_partition(TopicPartition(topic, partition))
    request = FetchRequest(0, 1, BYTES, READ_COMMITTED, [(topic, [(partition, offset, BYTES)])])
    answer: Answer = asyncio.ensure_future(client.send(leader, request))
    answer.add_done_callback(_seen)
    return answer


def _seen(answer: Answer) -> None:
    """Look at how it ended: of an answer that nobody waits for any more, asyncio would complain on the terminal."""
    if not answer.cancelled():
        answer.exception()


def _parsed(answer: Any) -> list[Any]:
    """Give an answer's batches; `ValueError` when it is not of the ordinary kind, or has none."""
    [(_, [(_, error, _, _, _, aborted, *_, data)])] = answer.topics
    if error or aborted:
        raise ValueError("not records alone")
    records, found = MemoryRecords(data), []
    while records.has_next():
        found.append(records.next_batch())
    return found


def _records(place: TopicAndPartition, batch: Any, span: OffsetRange, values: bool) -> Iterator[list[ConsumerRecord]]:
    """Give a batch's records that are of the span, some at a time."""
    if batch.is_control_batch:  # the end of a transaction is no record
        return
    topic, partition = place
    records = chain(batch)  # a batch itself cannot be asked for an iterator twice
    while taken := [
        ConsumerRecord(
            topic, partition, each.offset, each.timestamp / 1000, each.key,
            each.value if values else None, tuple(each.headers),
        )
        for each in islice(records, SOME)
    ]:  # fmt: skip
        if taken[0].offset < span.low or taken[-1].offset >= span.high:
            taken = [each for each in taken if span.low <= each.offset < span.high]
        if taken:
            yield taken
