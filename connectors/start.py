"""Starts the bridge: looks whether everything is there, in plain words, and runs it until it is told to stop."""

from __future__ import annotations

import threading
from dataclasses import asdict

import structlog
from confluent_kafka import KafkaException

from connectors.aws import Queue, QueueUnavailable
from connectors.bridge import Bridge
from connectors.flight import Counts, Source
from connectors.settings import BridgeSettings
from schemas import catalog, codec, kafka, topics
from schemas.log import NotPublished, publish
from schemas.settings import KafkaSettings

LOOK_SECONDS = 0.5
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
    """Bridge until `stop` is set, then drain, and give the counts. Waits for Kafka and the queues to be there."""
    if not _wait(lambda: kafka_missing(cluster), stop):
        return Counts()
    queues = [Queue(url, settings.bridge_receivers + 4) for url in settings.queue_urls]
    if not _wait(lambda: "; ".join(filter(None, map(queue_missing, queues))), stop):
        return Counts()
    producer = kafka.producer(cluster)
    bridge = Bridge(settings, producer, codec.load())
    bridge.open([Source(queue, queue.visibility_seconds()) for queue in queues])
    log.info("ready", queues=list(settings.queue_urls))
    stop.wait()
    bridge.close()
    producer.flush(settings.bridge_drain_seconds)
    log.info("stopped", **asdict(bridge.counts))
    return bridge.counts


def kafka_missing(cluster: KafkaSettings) -> str:
    """Say what Kafka lacks that the bridge needs; empty when nothing. Publishes the schemas on the way."""
    try:
        there = kafka.existing_topics(kafka.admin(cluster), timeout=5)
        missing = [topic.name for topic in NEEDED if topic.name not in there]
        if missing:
            return f"topics not there: {', '.join(missing)} (headrace topics apply)"
        publish(kafka.producer(cluster), catalog.versions(), timeout=10)
    except KafkaException:
        return f"no Kafka at {cluster.bootstrap_servers} (HEADRACE_BOOTSTRAP_SERVERS)"
    except NotPublished as error:
        return f"Kafka does not take the schemas: {error}"
    return ""


def queue_missing(queue: Queue) -> str:
    """Say why a queue cannot be emptied; empty when it can."""
    try:
        queue.visibility_seconds()
    except QueueUnavailable as error:
        return f"queue {queue.url}: {error}"
    return ""


def _wait(missing: object, stop: threading.Event) -> bool:
    """Wait until nothing is missing, saying each thing once. False when told to stop."""
    said = ""
    while not stop.is_set():
        waiting = missing()  # type: ignore[operator]
        if not waiting:
            return True
        if waiting != said:
            log.warning("waiting", on=waiting)
            said = waiting
        stop.wait(LOOK_SECONDS)
    return False
