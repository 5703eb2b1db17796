"""Starts the bridge: looks whether everything is there, in plain words, and runs it until it is told to stop."""

from __future__ import annotations

import threading
from dataclasses import asdict
from functools import partial

import structlog
from confluent_kafka import KafkaException

from headrace.connectors.bridge.bridge import Bridge
from headrace.connectors.bridge.in_flight import Counts, Source
from headrace.connectors.bridge.queue import Queue, QueueUnavailable
from headrace.connectors.bridge.settings import BridgeSettings
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.runtime import gc_tuning
from headrace.schemas.runtime.outage_log import Saying
from headrace.schemas.serde import catalog, registry
from headrace.schemas.serde.codec import Codec, NotRegistered, RegistryDown
from headrace.schemas.serde.schema_topic import NotPublished, publish
from headrace.schemas.settings import KafkaSettings

LOOK_SECONDS = 0.5
ANSWER_SECONDS = 5.0
NEEDED = (
    topics.UPLOADED,
    topics.DELETED,
    topics.AWS_EVENTS,
    topics.JOBS_FINISHED,
    topics.BRIDGE_DLQ,
    topics.SCHEMAS,
)

log = structlog.get_logger("headrace")


def run(settings: BridgeSettings, cluster: KafkaSettings, stop: threading.Event) -> Counts:
    """Bridge until `stop` is set, then drain, and give the counts. Waits for Kafka and the queues to be there.

    Raises `BridgeFailed` when the work cannot go on.
    """
    book = registry.codec(cluster)
    if not _wait_for_kafka(cluster, book, stop):
        return Counts()
    bridge = Bridge(settings, partial(clients.producer, cluster), book, stop)
    bridge.open()
    gc_tuning.look_seldom()
    try:
        for url in settings.queue_urls:
            # Each waits for its own queue, so that one that is missing holds up no other.
            bridge.thread("begin", partial(_begin, bridge, settings, url, stop))
        stop.wait()
        bridge.close()
    finally:
        log.info("stopped", **asdict(bridge.counts))
    return bridge.counts


def kafka_missing(cluster: KafkaSettings, book: Codec) -> str:
    """Say what Kafka or the schema registry lacks that the bridge needs; empty when nothing.

    Publishes the schemas on the way, and has the codec write as the registry wants.
    """
    try:
        there = clients.existing_topics(clients.admin(cluster), timeout=ANSWER_SECONDS)
        missing = [topic.name for topic in NEEDED if topic.name not in there]
        if missing:
            return f"topics not there: {', '.join(missing)} (headrace topics apply)"
        publish(clients.producer(cluster), catalog.versions(), timeout=ANSWER_SECONDS)
        book.enrol()
    except KafkaException as error:
        return clients.in_words(error, cluster)
    except NotPublished as error:
        return f"Kafka does not take the schemas: {error}"
    except (RegistryDown, NotRegistered) as error:
        return str(error)
    return ""


def reachable(url: str, settings: BridgeSettings) -> Source:
    """Give a queue that can be emptied. Raises `QueueUnavailable` when it is not there, or does not let us."""
    queue = Queue(url, settings.bridge_poll_seconds)
    queue.try_rights()
    terms = queue.terms()
    if not terms.hidden_seconds:
        raise QueueUnavailable("its visibility timeout is 0, so messages would come again at once: give it 30 s")
    if settings.leave_unreadable and not terms.redrives:
        log.warning("unreadable messages will come again for ever", queue=url, why="it has no redrive policy")
    return Source(queue, terms.hidden_seconds)


def _begin(bridge: Bridge, settings: BridgeSettings, url: str, stop: threading.Event) -> None:
    saying = Saying(queue=url)
    while not stop.is_set():
        try:
            source = reachable(url, settings)
        except QueueUnavailable as error:
            saying.trouble(f"the queue cannot be emptied: {error}")
            stop.wait(LOOK_SECONDS)
        else:
            bridge.add(source)
            log.info("ready", queue=url)
            return


def _wait_for_kafka(cluster: KafkaSettings, book: Codec, stop: threading.Event) -> bool:
    """Wait until nothing is missing. False when told to stop."""
    saying = Saying()
    while not stop.is_set():
        missing = kafka_missing(cluster, book)
        if not missing:
            return True
        saying.trouble(missing)
        stop.wait(LOOK_SECONDS)
    return False
