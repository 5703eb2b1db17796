"""Consumer groups on a new broker, where no group has a coordinator yet."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from headrace.console.errors import CommandError
from headrace.console.kafka.consumer_groups import ConsumerGroups
from headrace.console.kafka.consumers import Consumers
from headrace.console.kafka.group_lock import GroupLock
from headrace.console.kafka.offsets import CommittedOffset
from headrace.console.kafka.record_times import RecordTimes
from headrace.console.kafka.topic_reader import TopicReader
from headrace.console.replay.redrive.position import CommitMetadata
from headrace.sandbox.names import HOST
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.topics import Topic
from headrace.streams.engine.account import Account, to_metadata
from tests.support.brokers import Brokers, brokers

TOPIC = Topic("groups.in", "what groups read here", partitions=2)
PLACES = [(TOPIC.name, 0), (TOPIC.name, 1)]

# In processes of their own, since what is tested for is the end of the process.
ASK = f"""
import sys
from headrace.console.kafka.consumer_groups import ConsumerGroups
from headrace.schemas.kafka.settings import KafkaSettings

names = [f"group-{{each}}" for each in range(40)]
groups = ConsumerGroups(KafkaSettings(bootstrap_servers=sys.argv[1]))
assert groups.positions(dict.fromkeys(names, {PLACES})) == {{name: {{}} for name in names}}
assert groups.members(names) == dict.fromkeys(names, ())
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    with brokers(tmp_path_factory.mktemp("groups-brokers"), 1) as started:
        yield started


def test_unknown_groups_have_no_offsets(cluster: Brokers) -> None:
    command = [sys.executable, "-c", ASK, cluster.bootstrap_servers]
    asking = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    errors = [each.communicate(timeout=300)[1] for each in asking]
    assert [each.returncode for each in asking] == [0, 0, 0], errors


def test_set_offsets_persist_until_the_group_is_deleted(cluster: Brokers) -> None:
    settings = KafkaSettings(bootstrap_servers=cluster.bootstrap_servers)
    clients.create_topics(clients.admin(settings), [TOPIC], 1)
    here = ConsumerGroups(settings)
    here.move("moved", {PLACES[0]: 7})
    assert here.positions({"moved": PLACES, "other": PLACES}) == {"moved": {PLACES[0]: CommittedOffset(7)}, "other": {}}
    assert here.members(["moved", "other"]) == {"moved": (), "other": ()}  # to ask is not to join
    here.delete("moved")
    here.delete("moved")
    assert here.positions({"moved": PLACES}) == {"moved": {}}


@pytest.mark.parametrize("length", [0, 8, 24, 40, 56, 57, 120, 200])
def test_metadata_of_workers_and_redrives_is_read_unchanged(cluster: Brokers, length: int) -> None:
    """confluent-kafka reads beyond metadata without a terminator: with aiokafka's, each of these lengths failed."""
    settings = KafkaSettings(bootstrap_servers=cluster.bootstrap_servers)
    clients.create_topics(clients.admin(settings), [TOPIC], 1)
    counts = to_metadata(Account(done=10**9, start=int("1" * min(18, 1 + length // 11))))
    redriven = str(CommitMetadata(dict.fromkeys(range(length // 12), 10**9), length))
    places = [TopicPartition(*place) for place in PLACES]

    asyncio.run(commit_as_worker(settings, "of-worker", dict.fromkeys(places, OffsetAndMetadata(5, counts))))
    with GroupLock(settings, "of-redrive", TOPIC.name, len(PLACES)) as lock:
        lock.commit(dict.fromkeys(PLACES, CommittedOffset(5, redriven)))

    for _ in range(20):
        found = ConsumerGroups(settings).positions(dict.fromkeys(("of-worker", "of-redrive"), PLACES))
        assert {each.note for each in found["of-worker"].values()} == {counts.rstrip("\0")}
        assert {each.note for each in found["of-redrive"].values()} == {redriven}


async def commit_as_worker(
    settings: KafkaSettings, group: str, offsets: dict[TopicPartition, OffsetAndMetadata]
) -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.bootstrap_servers, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(list(offsets))
        await consumer.commit(offsets)
    finally:
        await consumer.stop()


def test_kept_connections_see_new_commits(cluster: Brokers) -> None:
    settings = KafkaSettings(bootstrap_servers=cluster.bootstrap_servers)
    clients.create_topics(clients.admin(settings), [TOPIC], 1)
    reader, writer = ConsumerGroups(settings, keeps_connections=True), ConsumerGroups(settings)
    for offset in (3, 4):
        writer.move("followed", {PLACES[0]: offset})
        assert reader.positions({"followed": PLACES}) == {"followed": {PLACES[0]: CommittedOffset(offset)}}


def test_timestamps_of_several_records_of_a_partition(cluster: Brokers) -> None:
    settings = KafkaSettings(bootstrap_servers=cluster.bootstrap_servers)
    timed = Topic("times.in", "records with known timestamps", partitions=2)
    clients.create_topics(clients.admin(settings), [timed], 1)
    producer = clients.producer(settings)
    for number in range(5):
        producer.produce(timed.name, b"x", partition=0, timestamp=1_700_000_000_000 + number * 1000)
    producer.flush(60)

    times = RecordTimes(Consumers(settings))
    wanted = {(timed.name, 0, 1), (timed.name, 0, 3), (timed.name, 0, 5), (timed.name, 1, 0)}
    expected = {(timed.name, 0, 1): 1_700_000_001.0, (timed.name, 0, 3): 1_700_000_003.0}
    for _ in range(2):  # read, then remembered
        assert times.read(wanted) == expected
    assert times.read([]) == {}


def test_kept_consumer_reads_other_records(cluster: Brokers) -> None:
    settings = KafkaSettings(bootstrap_servers=cluster.bootstrap_servers)
    topic = Topic("kept.in", "records that are read one by one", partitions=2)
    clients.create_topics(clients.admin(settings), [topic], 1)
    producer = clients.producer(settings)
    for number in range(2000):
        producer.produce(topic.name, str(number).encode(), partition=number % 2)
    producer.flush(60)

    reader = TopicReader(settings, keeps_connections=True)
    for number in (0, 1999, 1, 1998, 500):  # more than one batch is fetched for each
        record = reader.record(topic.name, number % 2, number // 2)
        assert record is not None
        assert record.value == str(number).encode()


def test_consumer_of_a_failed_read_is_not_kept(cluster: Brokers) -> None:
    consumers = Consumers(KafkaSettings(bootstrap_servers=cluster.bootstrap_servers), keeps_connections=True)
    with consumers.open() as first:
        pass
    with pytest.raises(ValueError, match="failed"), consumers.open():
        raise ValueError("failed")
    with consumers.open() as third:
        assert third is not first
    with pytest.raises(RuntimeError, match="closed"):
        first.assignment()


def test_unreachable_broker_times_out() -> None:
    nowhere = ConsumerGroups(KafkaSettings(bootstrap_servers=f"{HOST}:1", kafka_timeout_seconds=1.0))
    begun = time.monotonic()
    with pytest.raises(CommandError, match=r"about the consumer group group-\d+ within 1 s"):
        nowhere.positions({f"group-{each}": PLACES for each in range(50)})
    with pytest.raises(CommandError, match="about the consumer group alone within 1 s"):
        nowhere.members(["alone"])
    assert time.monotonic() - begun < 6
