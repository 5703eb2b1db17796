"""The HTTP port of a worker: metrics, liveness and readiness."""

from __future__ import annotations

import asyncio
import inspect
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.error import HTTPError

import pytest

from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.runtime.metrics_settings import MetricsSettings
from headrace.streams.engine.outcome import RecordDisposition
from headrace.streams.engine.scheduler import KeyedScheduler, RecordHandler
from headrace.streams.worker.health import LOOP_SECONDS, POLL_SECONDS, HealthState, serve


async def nothing(_: ConsumerRecord) -> RecordDisposition:
    return RecordDisposition.DONE


@pytest.fixture
def health() -> HealthState:
    return HealthState(
        {"labels": KeyedScheduler(RecordHandler(nothing, nothing, lambda _: 0.0), 1, 1 << 20, 60.0)}, time.monotonic()
    )


@pytest.fixture
def address(health: HealthState) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    close = serve(health, port, "127.0.0.1")
    yield f"http://127.0.0.1:{port}"
    close()


def page(address: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def test_ready_once_the_stages_run(health: HealthState, address: str) -> None:
    assert page(address + "/ready")[0] == 503
    health.ready = True
    assert page(address + "/ready") == (200, "ready")


def test_worker_without_partitions_is_alive(address: str) -> None:
    assert page(address + "/live") == (200, "live")


def test_live_fails_while_the_event_loop_is_blocked(health: HealthState, address: str) -> None:
    health.last_heartbeat -= LOOP_SECONDS + 1
    assert page(address + "/live") == (503, f"event loop blocked for {LOOP_SECONDS + 1:.0f} s")


def test_live_fails_when_a_consumer_is_not_polled(health: HealthState, address: str) -> None:
    health.schedulers["labels"].stats.last_poll -= POLL_SECONDS + 1
    assert page(address + "/live") == (503, f"labels: not polled for {POLL_SECONDS + 1:.0f} s")


async def test_metrics_report_every_stage(health: HealthState, address: str) -> None:
    scheduler = health.schedulers["labels"]
    partition = scheduler.assign(("media.ready", 0), 7)
    old = ConsumerRecord("media.ready", 0, 7, time.time() - 30, b"k", b"v", ())
    scheduler.deliver(partition, 7, [old, ConsumerRecord("media.ready", 0, 8, time.time(), b"k", b"v", ())])
    status, text = await asyncio.to_thread(page, address + "/metrics")
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("headrace"))
    assert status == 200
    assert "# TYPE headrace_records_total counter" in text
    assert values['headrace_uncommitted_records{stage="labels"}'] == "2.0"
    assert values['headrace_uncommitted_offsets{stage="labels"}'] == "2.0"
    assert 29 < float(values['headrace_lag_seconds{stage="labels"}']) < 60


def test_unknown_path_is_404(address: str) -> None:
    assert page(address + "/") == (404, "not found; use /metrics, /live or /ready")


def test_idle_connections_do_not_block_a_scrape(address: str) -> None:
    place = ("127.0.0.1", int(address.rpartition(":")[2]))
    with ExitStack() as opened:
        for _ in range(162):
            opened.enter_context(socket.create_connection(place))
        assert page(address + "/live") == (200, "live")


def test_metrics_listen_on_loopback_by_default() -> None:
    assert MetricsSettings().metrics_host == "127.0.0.1"
    assert inspect.signature(serve).parameters["host"].default == "127.0.0.1"
