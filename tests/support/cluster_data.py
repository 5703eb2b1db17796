"""The data of a cluster as files: records, committed offsets, results, and jobs of the AI services.

Records and results are lines of JSON with base64, so that a data folder can be compared and kept in the repository.
Times of records are stored relative to the time of the recording: a restored record is as old as it was.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from headrace.console.kafka.consumer_groups import ConsumerGroups
from headrace.sandbox.ai.app import LEDGER_FILE
from headrace.sandbox.ai.framework.ledger import Ledger
from headrace.sandbox.names import MEDIA_BUCKET, RESULTS_BUCKET
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.partition_reader import read_partition
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord
from headrace.streams.engine.account import END
from tests.support.aws_clients import new_client

RECORDS, OFFSETS, RESULTS, JOBS = "records.jsonl", "offsets.jsonl", "results.jsonl", "jobs.json"
LEFT_OUT = (topics.SCHEMAS.name, topics.WORKERS.name)
"""Schemas are published by `headrace topics apply`; the status of workers ends with them."""


def dump(settings: KafkaSettings, ai: Path, folder: Path) -> None:
    """Write the data of a cluster whose processes have stopped. `ai` is the folder of the AI endpoint."""
    folder.mkdir(parents=True, exist_ok=True)
    partitions = clients.partition_counts(clients.admin(settings), 30)
    now = time.time()
    _write_lines(folder / RECORDS, [_line(record, now) for record in _records(settings, partitions)])
    _write_lines(folder / OFFSETS, _offsets(settings, partitions))
    _write_lines(folder / RESULTS, _results())
    with closing(sqlite3.connect(ai / LEDGER_FILE)) as database:
        database.row_factory = sqlite3.Row
        jobs = [dict(row) for row in database.execute("SELECT * FROM jobs ORDER BY id")]
    (folder / JOBS).write_text(json.dumps(jobs, indent=1) + "\n")


def restore_jobs(folder: Path, ai: Path) -> None:
    """Write the jobs of the AI services, which are due at once. Call it before the endpoint starts."""
    ai.mkdir(parents=True, exist_ok=True)
    Ledger(ai / LEDGER_FILE).close()
    with closing(sqlite3.connect(ai / LEDGER_FILE)) as database:
        for job in json.loads((folder / JOBS).read_text()):
            row = {**job, "due_at": 0.0, "started_at": time.time()}
            marks = ", ".join(f":{name}" for name in row)
            database.execute(f"INSERT INTO jobs ({', '.join(row)}) VALUES ({marks})", row)
        database.commit()


def restore_objects(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put the media files, without notifications, and the results."""
    s3 = new_client("s3")
    before = s3.get_bucket_notification_configuration(Bucket=MEDIA_BUCKET)
    wanted = {name: value for name, value in before.items() if name != "ResponseMetadata"}
    s3.put_bucket_notification_configuration(Bucket=MEDIA_BUCKET, NotificationConfiguration={})
    for key, content in files.items():
        s3.put_object(Bucket=MEDIA_BUCKET, Key=key, Body=content)
    s3.put_bucket_notification_configuration(Bucket=MEDIA_BUCKET, NotificationConfiguration=wanted)
    for each in _lines(folder / RESULTS):
        content = b64decode(each["content"])
        s3.put_object(Bucket=RESULTS_BUCKET, Key=each["key"], Body=content, ContentType=each["type"])


def restore_records(folder: Path, settings: KafkaSettings) -> None:
    """Send the records to the same partitions and offsets, and commit the offsets of the groups."""
    producer, now = clients.producer(settings), time.time()
    for each in _lines(folder / RECORDS):
        headers: list[tuple[str, Any]] = [(name, _bytes(value)) for name, value in each["headers"]]
        producer.produce(
            each["topic"],
            _bytes(each["value"]),
            _bytes(each["key"]),
            each["partition"],
            timestamp=int((now - each["age"]) * 1000),
            headers=headers,
        )
    assert producer.flush(60) == 0
    for group, offsets in groupby(_lines(folder / OFFSETS), key=itemgetter("group")):
        asyncio.run(_commit(settings, group, offsets))


def _records(settings: KafkaSettings, partitions: Mapping[str, int]) -> list[ConsumerRecord]:
    """Return all records in the order of their places."""
    found: list[ConsumerRecord] = []
    for name in sorted(partitions):
        for number in range(partitions[name]):
            if not name.startswith("__") and name not in LEFT_OUT:
                found += read_partition(settings, name, number)
    return found


def _line(record: ConsumerRecord, now: float) -> dict[str, Any]:
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "age": round(now - record.timestamp, 3),
        "key": _text(record.key),
        "headers": [[name, _text(value)] for name, value in record.headers],
        "value": _text(record.value),
    }


def _offsets(settings: KafkaSettings, partitions: Mapping[str, int]) -> Iterable[dict[str, Any]]:
    """Yield the committed offset and its metadata of each group and partition."""
    admin = clients.admin(settings)  # kept until the answer arrives
    listed = admin.list_consumer_groups().result(60).valid
    places = [(topic, number) for topic, count in partitions.items() for number in range(count)]
    found = ConsumerGroups(settings).positions({each.group_id: places for each in listed})
    for group, positions in sorted(found.items()):
        for (topic, partition), at in sorted(positions.items()):
            place = {"topic": topic, "partition": partition, "offset": at.offset, "metadata": at.note}
            yield {"group": group, **place}


async def _commit(settings: KafkaSettings, group: str, offsets: Iterable[dict[str, Any]]) -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.bootstrap_servers, group_id=group, enable_auto_commit=False)
    wanted = {
        TopicPartition(each["topic"], each["partition"]): OffsetAndMetadata(each["offset"], each["metadata"] + END)
        for each in offsets
    }
    await consumer.start()
    try:
        consumer.assign(list(wanted))
        await consumer.commit(wanted)
    finally:
        await consumer.stop()


def _results() -> Iterable[dict[str, str]]:
    s3 = new_client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=RESULTS_BUCKET):
        for each in page.get("Contents", []):
            found = s3.get_object(Bucket=RESULTS_BUCKET, Key=each["Key"])
            content = b64encode(found["Body"].read()).decode()
            yield {"key": each["Key"], "type": found["ContentType"], "content": content}


def _text(value: bytes | None) -> str | None:
    return None if value is None else b64encode(value).decode()


def _bytes(value: str | None) -> bytes | None:
    return None if value is None else b64decode(value)


def _write_lines(path: Path, lines: Iterable[dict[str, Any]]) -> None:
    path.write_text("".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines), "utf-8")


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
