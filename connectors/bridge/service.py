"""Starts the bridge: looks whether everything is there, in plain words, and runs it until it is told to stop."""

from __future__ import annotations

import threading
from dataclasses import asdict
from functools import partial

import structlog

from headrace.connectors.bridge.bridge import Bridge
from headrace.connectors.bridge.in_flight import BridgeCounts, QueueSourceState
from headrace.connectors.bridge.queue import QueueUnavailableError, SqsQueue
from headrace.connectors.bridge.settings import BridgeSettings
from headrace.connectors.readiness import LOOK_SECONDS, wait_for_kafka
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.runtime import gc_tuning
from headrace.schemas.runtime.outage_log import OutageLog
from headrace.schemas.serde import registry

log = structlog.get_logger("headrace")


def serve(settings: BridgeSettings, cluster: KafkaSettings, stop: threading.Event) -> BridgeCounts:
    """Bridge until `stop` is set, then drain, and give the counts. Waits for Kafka and the queues to be there.

    Raises `BridgeFailed` when the work cannot go on.
    """
    book = registry.create_codec(cluster)
    if not wait_for_kafka(cluster, book, stop):
        return BridgeCounts()
    bridge = Bridge(settings, partial(clients.producer, cluster), book, stop)
    bridge.open()
    gc_tuning.reduce_gc_frequency()
    try:
        for url in settings.queue_urls:
            # Each waits for its own queue, so that one that is missing holds up no other.
            bridge.thread("begin", partial(_attach_queue, bridge, settings, url, stop))
        stop.wait()
        bridge.close()
    finally:
        log.info("stopped", **asdict(bridge.counts))
    return bridge.counts


def open_source(url: str, settings: BridgeSettings) -> QueueSourceState:
    """Give a queue that can be emptied. Raises `QueueUnavailable` when it is not there, or does not let us."""
    queue = SqsQueue(url, settings.bridge_poll_seconds)
    queue.check_permissions()
    terms = queue.attributes()
    if not terms.visibility_timeout:
        raise QueueUnavailableError("its visibility timeout is 0, so messages would come again at once: give it 30 s")
    if settings.leave_unreadable and not terms.has_redrive_policy:
        log.warning("unreadable messages will come again for ever", queue=url, why="it has no redrive policy")
    return QueueSourceState(queue, terms.visibility_timeout)


def _attach_queue(bridge: Bridge, settings: BridgeSettings, url: str, stop: threading.Event) -> None:
    saying = OutageLog(queue=url)
    while not stop.is_set():
        try:
            source = open_source(url, settings)
        except QueueUnavailableError as error:
            saying.down(f"the queue cannot be emptied: {error}")
            stop.wait(LOOK_SECONDS)
        else:
            bridge.add(source)
            log.info("ready", queue=url)
            return
