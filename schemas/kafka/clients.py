"""Create Kafka clients and topics with durable settings."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions, NewTopic

from headrace.schemas.kafka.auth import librdkafka_options
from headrace.schemas.kafka.broker_watch import ClientStuckError, knows_brokers
from headrace.schemas.kafka.reachability import NO_ANSWER, NO_CONNECTION, accepts_connections
from headrace.schemas.kafka.reconnecting import OnError, ReconnectingAdmin, ReconnectingProducer, WatchedConsumer
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.topics import LARGEST, Topic

# Exceptions and delivery reports carry failures; librdkafka would also print them to standard error.
QUIET = {"log_level": 2}
DURABLE = {
    "acks": "all",
    "enable.idempotence": True,
    # The default partitioner of aiokafka and Java. librdkafka's own default chooses other partitions.
    "partitioner": "murmur2_random",
    "compression.type": "lz4",
    "linger.ms": 5,
    "message.max.bytes": LARGEST,
    # A topic that is unknown for longer than this fails the send; the caller retries.
    "topic.metadata.propagation.max.ms": 5000,
}

LEADER_SECONDS = 30.0
LEADER_POLL_SECONDS = 0.05
REPLACED = (KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT)
"""Errors of records that a replaced producer has not sent."""


def producer(settings: KafkaSettings, **overrides: Any) -> ReconnectingProducer:
    """Create an idempotent producer with `acks=all`. `overrides` are options of librdkafka."""
    config = {**_base(settings), **DURABLE, **overrides}
    on_error = config.pop("error_cb", None)

    def connect(error_cb: OnError) -> Producer:
        return Producer({**config, "error_cb": error_cb})

    return ReconnectingProducer(connect, partial(has_brokers, settings), on_error)


def simple_consumer(settings: KafkaSettings, **overrides: Any) -> WatchedConsumer:
    """Create a consumer without a group: the caller assigns partitions and nothing is committed."""
    own = {"group.id": "headrace.reader", "enable.auto.commit": False, "auto.offset.reset": "earliest"}
    config = {**_base(settings), **own, "enable.partition.eof": True, **overrides}
    return WatchedConsumer(config, partial(has_brokers, settings))


def observer(settings: KafkaSettings, group: str) -> WatchedConsumer:
    """Create a consumer that reads a group's committed offsets. It joins the group only if it subscribes."""
    return simple_consumer(settings, **{"group.id": group, "isolation.level": "read_uncommitted"})


def group_consumer(settings: KafkaSettings, group: str, begin: str) -> WatchedConsumer:
    """Create a member of a consumer group with manual commits. A new group starts at `begin`."""
    own = {"group.id": group, "enable.auto.commit": False, "auto.offset.reset": begin, "enable.partition.eof": True}
    config = {**_base(settings), **own, "partition.assignment.strategy": "cooperative-sticky"}
    return WatchedConsumer(config, partial(has_brokers, settings))


def admin(settings: KafkaSettings) -> AdminClient:
    """Create an admin client."""
    return AdminClient(_base(settings))


def reconnecting_admin(settings: KafkaSettings) -> ReconnectingAdmin:
    """Create the admin client of a process that runs for long."""

    def connect(error_cb: OnError) -> AdminClient:
        return AdminClient(_base(settings) | {"error_cb": error_cb})

    return ReconnectingAdmin(connect, partial(has_brokers, settings))


def partition_counts(client: AdminClient, timeout: float = 10.0) -> dict[str, int]:
    """Return the number of partitions of each topic of the cluster."""
    return {name: len(topic.partitions) for name, topic in client.list_topics(timeout=timeout).topics.items()}


def has_brokers(settings: KafkaSettings) -> bool:
    """Return whether the cluster answers a new client with a broker."""
    return knows_brokers(admin(settings))


def replication_factors(client: AdminClient, names: Iterable[str], timeout: float = 10.0) -> dict[str, int]:
    """Return the replication factor of each existing topic. Creates no topic.

    Raises:
        KafkaException: The client may not describe a topic. A list of all topics would omit it.
    """
    factors = {}
    for name, future in client.describe_topics(TopicCollection(list(names)), request_timeout=timeout).items():
        try:
            factors[name] = min(len(partition.replicas) for partition in future.result().partitions)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
    return factors


def create_topics(client: AdminClient, wanted: Iterable[Topic], replication_factor: int) -> list[str]:
    """Create missing topics and return their names. Existing topics are not changed.

    A broker learns of a new topic only after the controller has created it. This returns once one knows all of them,
    or after 30 s: records that are sent earlier fail with "Unknown topic or partition".

    Raises:
        KafkaException: The cluster rejected a topic.
    """
    existing = partition_counts(client)
    missing = [topic for topic in wanted if topic.name not in existing]
    if not missing:
        return []
    new = [NewTopic(t.name, t.partitions, replication_factor, config=t.config) for t in missing]
    futures = client.create_topics(new, request_timeout=30)
    created = [name for name, future in futures.items() if _is_new(future)]
    _wait_for_leaders(client, futures)
    return created


def add_partitions(client: AdminClient, wanted: Mapping[str, int]) -> None:
    """Raise topics to a number of partitions.

    Raises:
        KafkaException: the cluster rejected a change; others may have been made.
    """
    if wanted:
        new = [NewPartitions(name, number) for name, number in wanted.items()]
        for future in client.create_partitions(new, request_timeout=30).values():
            future.result()


def describe_error(error: KafkaException, settings: KafkaSettings) -> str:
    """Return one line with Kafka's error and the setting to check."""
    cause: KafkaError = error.args[0]
    if isinstance(error, ClientStuckError) or cause.code() in REPLACED:
        return f"the client of Kafka at {settings.bootstrap_servers} lost its connections: run the command again"
    if cause.code() in (*NO_CONNECTION, *NO_ANSWER):
        return unreachable_message(settings)
    if cause.code() == KafkaError._UNSUPPORTED_FEATURE:
        return f"Kafka at {settings.bootstrap_servers} is older than version 2.8: {cause.str()}"
    return f"Kafka at {settings.bootstrap_servers} rejected the request: {cause.str()}"


def unreachable_message(settings: KafkaSettings) -> str:
    """Return one line for a cluster that cannot be reached, or that is there and does not answer in time.

    A failed login looks the same to a client.
    """
    security = " and HEADRACE_KAFKA_*" if settings.security_protocol != "PLAINTEXT" else ""
    if accepts_connections(settings):
        seconds = f"{settings.kafka_timeout_seconds:g} s"
        hint = f"raise HEADRACE_KAFKA_TIMEOUT_SECONDS{security and ', or correct HEADRACE_KAFKA_*'}"
        return f"Kafka at {settings.bootstrap_servers} accepts connections but did not answer within {seconds}: {hint}"
    return f"no Kafka at {settings.bootstrap_servers}: start it, or correct HEADRACE_BOOTSTRAP_SERVERS{security}"


def _wait_for_leaders(client: AdminClient, names: Iterable[str]) -> None:
    """Wait until a broker knows the leader of each partition of new topics."""
    deadline, unknown = time.monotonic() + LEADER_SECONDS, set(names)
    while unknown and time.monotonic() < deadline:
        known = client.list_topics(timeout=LEADER_SECONDS).topics
        unknown = {name for name in unknown if name not in known or not _has_leaders(known[name])}
        if unknown:
            time.sleep(LEADER_POLL_SECONDS)


def _has_leaders(topic: Any) -> bool:
    return bool(topic.partitions) and all(partition.leader >= 0 for partition in topic.partitions.values())


def _is_new(future: Future[None]) -> bool:
    """Wait for a new topic; return False if another process created it first."""
    try:
        future.result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise
        return False
    return True


def _base(settings: KafkaSettings) -> dict[str, Any]:
    base = {"bootstrap.servers": settings.bootstrap_servers, "client.id": "headrace", **QUIET}
    return base | librdkafka_options(settings)
