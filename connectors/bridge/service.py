"""Starts the bridge: looks whether everything is there, in plain words, and runs it until it is told to stop."""

from __future__ import annotations

import threading
from dataclasses import asdict
from functools import partial

import structlog

from headrace.connectors.bridge.bridge import Bridge
from headrace.connectors.bridge.in_flight import Counts, Source
from headrace.connectors.bridge.queue import Queue, QueueUnavailable
from headrace.connectors.bridge.settings import BridgeSettings
from headrace.connectors.readiness import LOOK_SECONDS, _wait_for_kafka
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.runtime import gc_tuning
from headrace.schemas.runtime.outage_log import Saying
from headrace.schemas.serde import registry

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
