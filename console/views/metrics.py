"""Export the lag of the views and the progress of every stage to Prometheus, beside the projector.

The progress is that of the cluster: it includes stages without a worker, which have no metrics of their own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from headrace.console.assets.stage_status import StageStatus
from headrace.schemas.runtime.metrics_server import serve
from headrace.schemas.runtime.metrics_settings import MetricsSettings
from headrace.schemas.runtime.outage_log import OutageLog

STATUS_SECONDS = 30.0
JOIN_SECONDS = 10.0

ReadStatus = Callable[[], Sequence[StageStatus]]
"""Returns the progress of every stage. Blocks."""
GAUGES: Sequence[tuple[str, str, Callable[[StageStatus], float]]] = (
    (
        "headrace_backlog_records",
        "Records without an outcome, those on the retry topic excluded",
        lambda each: each.lag,
    ),
    (
        "headrace_oldest_unfinished_seconds",
        "Age of the oldest record without an outcome",
        lambda each: each.lag_seconds,
    ),
    ("headrace_waiting_records", "Records on the retry topic", lambda each: each.waiting),
    ("headrace_group_members", "Members of the consumer group", lambda each: each.members),
)


class ViewsCollector(Collector):
    """The lag of the views, and the last progress that was read. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._caught_up_at = self._read_at = clock()
        self._stages: Sequence[StageStatus] = ()

    def stepped(self, is_caught_up: bool) -> None:
        """Note a step of the projector, and whether it has read the whole log."""
        if is_caught_up:
            self._caught_up_at = self._clock()

    def progressed(self, stages: Sequence[StageStatus]) -> None:
        """Note the progress of every stage."""
        self._read_at, self._stages = self._clock(), stages

    def collect(self) -> Iterable[Metric]:
        """Return the current values."""
        now, stages = self._clock(), self._stages
        lag = GaugeMetricFamily("headrace_views_lag_seconds", "Seconds since the views had read the whole log")
        lag.add_metric((), now - self._caught_up_at)
        age = GaugeMetricFamily("headrace_cluster_status_age_seconds", "Seconds since the progress of stages was read")
        age.add_metric((), now - self._read_at)
        yield from (lag, age)
        for name, text, read in GAUGES:
            family = GaugeMetricFamily(name, text, labels=["stage"])
            for each in stages:
                family.add_metric([each.stage], read(each))
            yield family


@contextmanager
def serving_metrics(settings: MetricsSettings, read_status: ReadStatus) -> Iterator[ViewsCollector]:
    """Serve `/metrics` while the block runs, if a port is set.

    Raises:
        SettingsError: the address cannot be used.
    """
    collector, stop = ViewsCollector(), threading.Event()
    if not settings.metrics_port:
        yield collector
        return
    close = serve(settings.metrics_port, settings.metrics_host, (collector,))
    thread = threading.Thread(target=_watch, args=(collector, read_status, stop), name="stage-progress", daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        stop.set()
        thread.join(JOIN_SECONDS)
        close()


def _watch(collector: ViewsCollector, read_status: ReadStatus, stop: threading.Event) -> None:
    outage = OutageLog(part="stage progress")
    while not stop.is_set():
        try:
            collector.progressed(read_status())
        except Exception as error:  # the metric of its age shows that it failed; the projector goes on
            outage.down(repr(error))
        else:
            outage.recovered()
        stop.wait(STATUS_SECONDS)
