"""Topics and schemas on a real broker."""

from __future__ import annotations

import copy
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from confluent_kafka.admin import ConfigResource  # type: ignore[attr-defined]
from typer.testing import CliRunner

from headrace.console.commands import topics as commands_topics
from headrace.console.kafka.published_codec import FollowedCodec
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.kafka.topic_follower import TopicFollower, each_value
from headrace.schemas.records import Asset, MediaDeleted
from headrace.schemas.serde import catalog, codec
from headrace.schemas.serde.catalog import SchemaVersion
from headrace.schemas.serde.codec import Codec, RegistryUnavailableError, UnknownSchemaError
from headrace.schemas.serde.schema_topic import follow_schemas, publish_schemas
from headrace.schemas.topics import Topic

WITHIN_SECONDS = 15.0

DELETED = MediaDeleted(
    asset=Asset(bucket="media", key="a.mp4", version="1", etag="", size=0, sequencer=""),
    event_name="ObjectRemoved:Delete",
    deleted_at=datetime(2026, 3, 14, tzinfo=UTC),
    region="us-east-1",
)


@pytest.fixture
def settings(cluster_env: dict[str, str]) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=cluster_env["HEADRACE_BOOTSTRAP_SERVERS"])


@pytest.fixture
def name() -> str:
    """A name that no other test has, valid for a stage and for a topic."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def newer(name: str) -> SchemaVersion:
    """A version of an event that this installation does not have, with one more field."""
    schema = copy.deepcopy(catalog.latest(catalog.versions())["MediaDeleted"].schema)
    schema["fields"].append({"name": name, "type": "string", "doc": "New.", "default": ""})
    return SchemaVersion("MediaDeleted", 2, schema)


@pytest.fixture
def follower(settings: KafkaSettings) -> Iterator[Codec]:
    """A codec that follows the log from before the test on."""
    book = codec.load()
    log = follow_schemas(settings, book)
    assert log.start(WITHIN_SECONDS)
    yield book
    log.stop()


def written_with(version: SchemaVersion) -> bytes:
    return Codec((*catalog.versions(), version)).encode(DELETED)


def is_read(book: Codec, data: bytes) -> bool:
    try:
        return book.decode(data) == DELETED
    except UnknownSchemaError:
        return False


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + WITHIN_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_creates_missing_topics(settings: KafkaSettings, name: str) -> None:
    wanted = [Topic(f"{name}.events", "", partitions=3, retention_days=7), Topic(f"{name}.kept", "", compacted=True)]
    client = clients.admin(settings)

    created = clients.create_topics(client, wanted, replication_factor=1)

    assert created == [topic.name for topic in wanted]
    partitions = {topic.name: topic.partitions for topic in wanted}
    assert eventually(lambda: partitions.items() <= clients.partition_counts(client).items())
    for topic in wanted:
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic.name)
        (future,) = client.describe_configs([resource]).values()
        found = {key: entry.value for key, entry in future.result().items()}
        assert topic.config.items() <= found.items()


def test_does_not_change_existing_topics(settings: KafkaSettings, name: str) -> None:
    client = clients.admin(settings)
    clients.create_topics(client, [Topic(name, "", partitions=1)], replication_factor=1)

    assert clients.create_topics(client, [Topic(name, "", partitions=5)], replication_factor=1) == []

    assert eventually(lambda: clients.partition_counts(client).get(name) == 1)


def test_a_follower_of_a_day_begins_with_that_day(settings: KafkaSettings, name: str) -> None:
    topic = Topic(name, "", partitions=1)
    clients.create_topics(clients.admin(settings), [topic], replication_factor=1)
    producer, midnight = clients.producer(settings), 1_773_446_400
    for value, second in ((b"yesterday", midnight - 1), (b"today", midnight), (b"later", midnight + 60)):
        producer.produce(name, value, timestamp=second * 1000, headers={"n": value})
    assert producer.flush(WITHIN_SECONDS) == 0

    found: list[tuple[bytes, object]] = []
    for since in (midnight, midnight + 3600):
        follower = TopicFollower(
            settings, [topic], each_value(lambda value, headers: found.append((value, headers))), since
        )
        assert follower.start(WITHIN_SECONDS)
        follower.stop()

    assert found == [(value, (("n", value),)) for value in (b"today", b"later")]


def test_follower_redelivers_until_the_registry_recovers(settings: KafkaSettings, name: str) -> None:
    topic = Topic(name, "", partitions=1)
    clients.create_topics(clients.admin(settings), [topic], replication_factor=1)
    producer = clients.producer(settings)
    for value in (b"one", b"two"):
        producer.produce(name, value)
    assert producer.flush(WITHIN_SECONDS) == 0
    taken: list[bytes] = []

    def take(value: bytes, _: object) -> None:
        taken.append(value)
        if len(taken) == 1:
            raise RegistryUnavailableError("no registry")

    follower = TopicFollower(settings, [topic], each_value(take), retry_on=(RegistryUnavailableError,))
    assert follower.start(WITHIN_SECONDS)
    follower.stop()

    assert taken == [b"one", b"one", b"two"]


def test_schemas_on_the_log_are_known_from_the_start(settings: KafkaSettings, newer: SchemaVersion) -> None:
    publish_schemas(clients.producer(settings), [newer])
    book = codec.load()
    log = follow_schemas(settings, book)

    assert log.start(WITHIN_SECONDS)
    log.stop()

    assert book.decode(written_with(newer)) == DELETED


def test_follower_adds_later_schemas(settings: KafkaSettings, newer: SchemaVersion, follower: Codec) -> None:
    data = written_with(newer)
    assert not is_read(follower, data)

    publish_schemas(clients.producer(settings), [newer])

    assert eventually(lambda: is_read(follower, data))


def test_followed_codec_learns_later_schemas(settings: KafkaSettings, newer: SchemaVersion) -> None:
    followed = FollowedCodec(settings)
    data = written_with(newer)
    assert not is_read(followed.get(), data)

    publish_schemas(clients.producer(settings), [newer])

    assert eventually(lambda: is_read(followed.get(), data))


RUBBISH = (
    b"",
    b"\xff\xfe",
    b"no json",
    b"{}",
    b"[" * 100_000,
    b'{"type": "record"}',
    b'{"type": "record", "name": "MediaUploaded", "fields": [{"name": "x", "type": "MediaUploaded"}]}',
    b'{"type": "record", "name": "MediaUploaded", "fields": [{"name": "x", "type": ["null", "MediaUploaded"]}]}',
)


@pytest.mark.parametrize("rubbish", RUBBISH)
def test_follower_skips_invalid_schema_records(
    settings: KafkaSettings, newer: SchemaVersion, follower: Codec, rubbish: bytes
) -> None:
    producer = clients.producer(settings)
    producer.produce(topics.SCHEMAS.name, rubbish, b"rubbish")
    publish_schemas(producer, [newer])

    assert eventually(lambda: is_read(follower, written_with(newer)))


def apply(stage: str, env: dict[str, str]) -> Any:
    """Run `headrace topics apply` for a pipeline of one stage."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commands_topics, "pipeline_topics", lambda: topics.table([stage]))
        return CliRunner().invoke(commands_topics.app, ["apply"], env=env)


def test_apply_creates_once_and_then_finds_everything_there(cluster_env: dict[str, str], name: str) -> None:
    first, second = (apply(name, cluster_env) for _ in range(2))

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert f"{name}.retry: created" in first.stdout.splitlines()
    assert f"{name}.dlq: already there" in second.stdout.splitlines()
    assert "created" not in second.stdout
    assert second.stdout.endswith(f"system.schemas: {len(catalog.versions())} schemas published\n")
    assert second.stderr == ""


def test_apply_warns_of_another_number_of_partitions(
    cluster_env: dict[str, str], settings: KafkaSettings, name: str
) -> None:
    clients.create_topics(clients.admin(settings), [Topic(f"{name}.retry", "", partitions=1)], replication_factor=1)

    result = apply(name, cluster_env)

    assert result.exit_code == 0
    assert result.stderr.startswith(f"warning: {name}.retry has 1 partitions, expected 4")
    assert clients.partition_counts(clients.admin(settings))[f"{name}.retry"] == 1


def test_apply_prints_kafkas_reason(cluster_env: dict[str, str], name: str) -> None:
    env = {**cluster_env, "HEADRACE_REPLICATION_FACTOR": "7"}

    result = apply(name, env)

    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert "rejected" in result.stderr
    assert "replication factor" in result.stderr.lower()
