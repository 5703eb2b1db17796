"""The door to confluent-kafka: producers, readers and topics, with the settings that keep records safe."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from headrace.schemas.kafka.auth import librdkafka_options
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.topics import LARGEST, Topic

# Failures come as exceptions and delivery reports; librdkafka would print each on standard error as well.
QUIET = {"log_level": 2}
DURABLE = {
    "acks": "all",
    "enable.idempotence": True,
    # librdkafka's own default would put a key elsewhere than aiokafka and Java do.
    "partitioner": "murmur2_random",
    "compression.type": "lz4",
    "linger.ms": 5,
    "message.max.bytes": LARGEST,
    # How long a topic may be unknown before it counts as missing, which is said; whoever sends tries again.
    "topic.metadata.propagation.max.ms": 5000,
}

_UNREACHABLE = (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE, KafkaError._TIMED_OUT)


def producer(settings: KafkaSettings, **overrides: Any) -> Producer:
    """Make a producer whose acknowledgement means: on every in-sync replica, once, in order."""
    return Producer({**_base(settings), **DURABLE, **overrides})


def simple_consumer(settings: KafkaSettings, **overrides: Any) -> Consumer:
    """Make a consumer that belongs to no group: it is told where to read, and commits nothing."""
    own = {"group.id": "headrace.reader", "enable.auto.commit": False, "auto.offset.reset": "earliest"}
    return Consumer({**_base(settings), **own, "enable.partition.eof": True, **overrides})


def observer(settings: KafkaSettings, group: str) -> Consumer:
    """Make a consumer that can be asked what a group has committed; it joins the group only if it subscribes."""
    return simple_consumer(settings, **{"group.id": group, "isolation.level": "read_uncommitted"})


def group_consumer(settings: KafkaSettings, group: str, begin: str) -> Consumer:
    """Make a member of a consumer group that commits when it is told to; a new group begins at `begin`."""
    own = {"group.id": group, "enable.auto.commit": False, "auto.offset.reset": begin, "enable.partition.eof": True}
    return Consumer({**_base(settings), **own, "partition.assignment.strategy": "cooperative-sticky"})


def admin(settings: KafkaSettings) -> AdminClient:
    """Make an admin client."""
    return AdminClient(_base(settings))


def partition_counts(client: AdminClient, timeout: float = 10.0) -> dict[str, int]:
    """List the cluster's topics with their number of partitions."""
    return {name: len(found.partitions) for name, found in client.list_topics(timeout=timeout).topics.items()}


def replication_factors(client: AdminClient, names: Iterable[str], timeout: float = 10.0) -> dict[str, int]:
    """Say on how many brokers each topic is that is there. Makes none.

    Raises KafkaException for one that may not be seen, which a list of all topics leaves out.
    """
    found = {}
    for name, answer in client.describe_topics(TopicCollection(list(names)), request_timeout=timeout).items():
        try:
            found[name] = min(len(partition.replicas) for partition in answer.result().partitions)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
    return found


def create_topics(client: AdminClient, wanted: Iterable[Topic], replication_factor: int) -> list[str]:
    """Create the topics that are not there yet and name them; those that are there stay as they are.

    Brokers may need a moment more to know them. Raises KafkaException when one is refused.
    """
    there = partition_counts(client)
    missing = [topic for topic in wanted if topic.name not in there]
    if not missing:
        return []
    new = [NewTopic(t.name, t.partitions, replication_factor, config=t.config) for t in missing]
    answers = client.create_topics(new, request_timeout=30)
    return [name for name, answer in answers.items() if _is_new(answer)]


def describe_error(error: KafkaException, settings: KafkaSettings) -> str:
    """Say in one line what Kafka has against it, and what to look at."""
    said: KafkaError = error.args[0]
    if said.code() in _UNREACHABLE:
        return unreachable_message(settings)
    if said.code() == KafkaError._UNSUPPORTED_FEATURE:
        return f"Kafka at {settings.bootstrap_servers} is too old, it has to be 2.8 or newer: {said.str()}"
    return f"Kafka at {settings.bootstrap_servers} refuses: {said.str()}"


def unreachable_message(settings: KafkaSettings) -> str:
    """Say that no broker answers. One that does not let us in is silent, too: clients are only told to try again."""
    security = " and HEADRACE_KAFKA_*" if settings.security_protocol != "PLAINTEXT" else ""
    return f"no Kafka at {settings.bootstrap_servers}: start it, or correct HEADRACE_BOOTSTRAP_SERVERS{security}"


def _is_new(answer: Future[None]) -> bool:
    """Wait for a topic; False when another process made it first."""
    try:
        answer.result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise
        return False
    return True


def _base(settings: KafkaSettings) -> dict[str, Any]:
    base = {"bootstrap.servers": settings.bootstrap_servers, "client.id": "headrace", **QUIET}
    return base | librdkafka_options(settings)
