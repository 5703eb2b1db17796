"""`/metrics` for Prometheus, `/live` and `/ready` for whoever restarts the process, on one small HTTP port.

Live: the event loop turns and every stage's consumer was polled lately. Ready: every stage runs. Having no partitions
is neither: a worker that waits for a share of the work is healthy.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from wsgiref.simple_server import make_server

from prometheus_client import REGISTRY, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, ThreadingWSGIServer, _SilentHandler
from prometheus_client.registry import Collector

from headrace.streams.engine.scheduler import KeyedScheduler

LOOP_SECONDS = 10.0
POLL_SECONDS = 120.0


@dataclass(slots=True)
class HealthState:
    """What the process knows of its own state; the event loop writes it, the HTTP thread reads it."""

    schedulers: dict[str, KeyedScheduler]
    last_heartbeat: float
    ready: bool = False

    def problems(self, now: float) -> list[str]:
        """Say what is not alive."""
        slow = [f"{name} was not polled" for name, each in self.schedulers.items() if now - each.polled > POLL_SECONDS]
        return slow + (["the event loop does not turn"] if now - self.last_heartbeat > LOOP_SECONDS else [])


class StageGauges(Collector):
    """Reads the lanes when somebody asks, so that nothing is counted while nobody does."""

    def __init__(self, pulse: HealthState) -> None:
        self._pulse = pulse

    def collect(self) -> Iterable[Metric]:
        """Give the present state of every stage here."""
        gauges: Sequence[tuple[str, str, Callable[[KeyedScheduler], float]]] = (
            ("headrace_in_flight", "Records in work", KeyedScheduler.running),
            ("headrace_unfinished", "Records delivered here without a durable outcome yet", KeyedScheduler.unfinished),
            ("headrace_waiting", "Records that are tried again when they are due", lambda lanes: lanes.waiting),
            ("headrace_oldest_seconds", "How long the longest-running record is in work", KeyedScheduler.oldest),
            (
                "headrace_commit_gap",
                "Offsets between what is committed and what was delivered",
                KeyedScheduler.commit_gap,
            ),
            (
                "headrace_lag_seconds",
                "Age of the oldest record here without a durable outcome",
                KeyedScheduler.lag_seconds,
            ),
        )
        for name, text, read in gauges:
            family = GaugeMetricFamily(name, text, labels=["stage"])
            for stage, lanes in self._pulse.schedulers.items():
                family.add_metric([stage], read(lanes))
            yield family


def serve(pulse: HealthState, port: int, host: str = "0.0.0.0") -> Callable[[], None]:
    """Answer on a port until the returned function is called. Raises OSError when the port is taken."""
    gauges = StageGauges(pulse)
    server = make_server(host, port, _application(pulse), ThreadingWSGIServer, handler_class=_SilentHandler)
    REGISTRY.register(gauges)
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()

    def close() -> None:
        REGISTRY.unregister(gauges)
        server.shutdown()
        server.server_close()

    return close


def _application(pulse: HealthState) -> Callable[[dict[str, Any], Any], list[bytes]]:
    def answer(environ: dict[str, Any], start: Any) -> list[bytes]:
        status, kind, body = _page(environ["PATH_INFO"], pulse)
        start(status, [("Content-Type", kind)])
        return [body]

    return answer


def _page(path: str, pulse: HealthState) -> tuple[str, str, bytes]:
    if path == "/metrics":
        return "200 OK", CONTENT_TYPE_LATEST, generate_latest()
    if path == "/live":
        ills = pulse.problems(time.monotonic())
        return ("503 Service Unavailable" if ills else "200 OK"), "text/plain", ("; ".join(ills) or "live").encode()
    if path == "/ready":
        state = ("200 OK", b"ready") if pulse.ready else ("503 Service Unavailable", b"starting")
        return state[0], "text/plain", state[1]
    return "404 Not Found", "text/plain", b"there are /metrics, /live and /ready"
