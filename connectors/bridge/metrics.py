"""Export the messages of the bridge and of its queues to Prometheus."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from headrace.connectors.bridge.in_flight import InFlightMessages, QueueSourceState
from headrace.connectors.bridge.queue import QueueUnavailableError
from headrace.schemas.parsing import InvalidValueError

DEPTH_SECONDS = 30.0


class BridgeCollector(Collector):
    """Reads the messages in flight on each scrape. `depths` has the messages that wait, by queue URL."""

    def __init__(self, in_flight: InFlightMessages, clock: Callable[[], float] = time.time) -> None:
        self.depths: dict[str, int] = {}
        self._in_flight = in_flight
        self._clock = clock

    def collect(self) -> Iterable[Metric]:
        """Return the current values."""
        counts, messages = self._in_flight.counts, self._in_flight.snapshot()
        outcomes = CounterMetricFamily("headrace_bridge_messages", "SQS messages by outcome", labels=["outcome"])
        for outcome in ("parsed", "rejected", "ignored", "returned"):
            outcomes.add_metric([outcome], getattr(counts, outcome))
        records = CounterMetricFamily("headrace_bridge_records", "Records that Kafka acknowledged")
        records.add_metric((), counts.records)
        held = GaugeMetricFamily("headrace_bridge_in_flight_messages", "SQS messages that the bridge holds")
        held.add_metric((), len(messages))
        lag = GaugeMetricFamily("headrace_bridge_lag_seconds", "Age of the oldest SQS message that the bridge holds")
        sent = [message.sqs.sent_ms for message in messages if message.sqs.sent_ms]
        lag.add_metric((), max(0.0, self._clock() - min(sent) / 1000) if sent else 0.0)
        waiting = GaugeMetricFamily("headrace_queue_messages", "Messages that wait in an SQS queue", labels=["queue"])
        for url, number in list(self.depths.items()):
            waiting.add_metric([url.rpartition("/")[2]], number)
        return outcomes, records, held, lag, waiting

    def watch(self, source: QueueSourceState, stop: threading.Event) -> None:
        """Read the depth of a queue every 30 s until `stop` is set. A queue that does not respond has none."""
        while not stop.is_set():
            try:
                self.depths[source.queue.url] = source.queue.attributes().messages
            except (QueueUnavailableError, InvalidValueError):  # the receivers report the outage
                self.depths.pop(source.queue.url, None)
            stop.wait(DEPTH_SECONDS)
