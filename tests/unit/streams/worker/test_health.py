"""What a process says of itself over HTTP."""

from __future__ import annotations

import asyncio
import socket
import time
import urllib.request
from collections.abc import Iterator
from urllib.error import HTTPError

import pytest

from headrace.schemas.messages import ConsumerRecord
from headrace.streams.engine.scheduler import KeyedScheduler, RecordHandler
from headrace.streams.worker.health import LOOP_SECONDS, POLL_SECONDS, HealthState, serve


async def nothing(_: ConsumerRecord) -> None:
    """Do nothing."""


@pytest.fixture
def pulse() -> HealthState:
    return HealthState(
        {"labels": KeyedScheduler(RecordHandler(nothing, nothing, lambda _: 0.0), 1, 1 << 20, 60.0)}, time.monotonic()
    )


@pytest.fixture
def address(pulse: HealthState) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    close = serve(pulse, port, "127.0.0.1")
    yield f"http://127.0.0.1:{port}"
    close()


def page(address: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def test_a_worker_is_ready_when_its_stages_run(pulse: HealthState, address: str) -> None:
    assert page(address + "/ready")[0] == 503
    pulse.ready = True
    assert page(address + "/ready") == (200, "ready")


def test_a_worker_without_partitions_is_alive(address: str) -> None:
    assert page(address + "/live") == (200, "live")


def test_a_loop_that_does_not_turn_is_not_alive(pulse: HealthState, address: str) -> None:
    pulse.last_heartbeat -= LOOP_SECONDS + 1
    assert page(address + "/live") == (503, "the event loop does not turn")


def test_a_consumer_that_is_not_polled_is_not_alive(pulse: HealthState, address: str) -> None:
    pulse.schedulers["labels"].polled -= POLL_SECONDS + 1
    assert page(address + "/live") == (503, "labels was not polled")


async def test_the_state_of_every_stage_can_be_read(pulse: HealthState, address: str) -> None:
    lanes = pulse.schedulers["labels"]
    partition = lanes.assign(("media.ready", 0), 7)
    old = ConsumerRecord("media.ready", 0, 7, time.time() - 30, b"k", b"v", ())
    lanes.deliver(partition, 7, [old, ConsumerRecord("media.ready", 0, 8, time.time(), b"k", b"v", ())])
    status, text = await asyncio.to_thread(page, address + "/metrics")
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("headrace"))
    assert status == 200
    assert values['headrace_unfinished{stage="labels"}'] == "2.0"
    assert values['headrace_commit_gap{stage="labels"}'] == "2.0"
    assert 29 < float(values['headrace_lag_seconds{stage="labels"}']) < 60


def test_another_page_says_which_there_are(address: str) -> None:
    assert page(address + "/") == (404, "there are /metrics, /live and /ready")
