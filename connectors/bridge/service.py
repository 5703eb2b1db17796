"""Check the dependencies of the bridge, then run it until it is stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

import structlog

from headrace.connectors.aws.client import AwsSession
from headrace.connectors.aws.object_head import ObjectHeads
from headrace.connectors.bridge.bridge import Bridge
from headrace.connectors.bridge.in_flight import QueueSourceState
from headrace.connectors.bridge.message_states import BridgeCounts
from headrace.connectors.bridge.producer import BridgeProducer
from headrace.connectors.bridge.queue import QueueUnavailableError, SqsQueue
from headrace.connectors.bridge.settings import BridgeSettings
from headrace.connectors.readiness import RETRY_SECONDS, wait_for_kafka
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.runtime import gc_tuning, metrics_server
from headrace.schemas.runtime.metrics_settings import MetricsSettings
from headrace.schemas.runtime.outage_log import OutageLog
from headrace.schemas.serde import registry
from headrace.schemas.tracing.collectors import AwsCallCollector, SpanCollector
from headrace.schemas.tracing.start import start_tracer
from headrace.schemas.tracing.tracer import Tracer

log = structlog.get_logger("headrace")


def serve(
    settings: BridgeSettings, cluster: KafkaSettings, stop: threading.Event, metrics: MetricsSettings | None = None
) -> BridgeCounts:
    """Run the bridge until `stop` is set, drain, and return the counts. Waits for Kafka and for each queue.

    Raises:
        BridgeError: The bridge stopped on an error.
        SettingsError: A variable of the traces is invalid, or the address of the metrics cannot be used.
    """
    tracer = start_tracer("headrace-bridge")
    codec = registry.create_codec(cluster)
    if not wait_for_kafka(cluster, codec, stop):
        return BridgeCounts()
    producer = BridgeProducer(partial(clients.producer, cluster))
    bridge = Bridge(settings, producer, codec, stop, tracer, ObjectHeads(AwsSession()))
    close_metrics = _serve_metrics(metrics, bridge, tracer)
    bridge.open()
    gc_tuning.reduce_gc_frequency()
    is_measured = metrics is not None and metrics.metrics_port > 0
    try:
        for url in settings.queue_urls:
            # A thread for each queue: one missing queue must not delay the others.
            bridge.thread("attach", partial(_attach_queue, bridge, settings, url, stop, is_measured))
        stop.wait()
        bridge.close()
    finally:
        tracer.close()
        close_metrics()
        log.info("stopped", **asdict(bridge.counts))
    return bridge.counts


def _serve_metrics(settings: MetricsSettings | None, bridge: Bridge, tracer: Tracer) -> Callable[[], None]:
    """Serve `/metrics` if a port is set, until the returned function is called."""
    if settings is None or not settings.metrics_port:
        return lambda: None
    collectors = bridge.metrics, AwsCallCollector(), SpanCollector(tracer.counts)
    return metrics_server.serve(settings.metrics_port, settings.metrics_host, collectors)


def open_source(url: str, settings: BridgeSettings) -> QueueSourceState:
    """Return a queue that the bridge may receive from and delete from.

    Raises:
        QueueUnavailableError: The queue does not exist, permissions are missing, or its visibility timeout is 0.
    """
    queue = SqsQueue(url, settings.bridge_poll_seconds, settings.sqs_fast_path)
    queue.check_permissions()
    attributes = queue.attributes()
    if not attributes.visibility_timeout:
        raise QueueUnavailableError(
            "the visibility timeout is 0, so SQS would redeliver messages at once: set it to 30 s"
        )
    if settings.leave_unreadable and not attributes.has_redrive_policy:
        reason = "the queue has no redrive policy: unparseable messages will be redelivered indefinitely"
        log.warning("no_redrive_policy", queue=url, reason=reason)
    return QueueSourceState(queue, attributes.visibility_timeout)


def _attach_queue(bridge: Bridge, settings: BridgeSettings, url: str, stop: threading.Event, is_measured: bool) -> None:
    outage = OutageLog(queue=url)
    while not stop.is_set():
        try:
            source = open_source(url, settings)
        except QueueUnavailableError as error:
            outage.down(f"queue unavailable: {error}")
            stop.wait(RETRY_SECONDS)
        else:
            bridge.add(source)
            if is_measured:
                bridge.thread("depth", partial(bridge.metrics.watch, source, stop))
            log.info("ready", queue=url)
            return
