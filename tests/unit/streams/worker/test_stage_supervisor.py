"""A failed stage is restarted while the others run; no worker starts before its limits are known."""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

import pytest

from headrace.schemas.messages import ConsumerRecord
from headrace.streams.engine import metrics
from headrace.streams.engine.outcome import RecordDisposition
from headrace.streams.engine.scheduler import KeyedScheduler, RecordHandler
from headrace.streams.stage import Stage
from headrace.streams.worker import stage_supervisor
from headrace.streams.worker.health import HealthState
from headrace.streams.worker.host import wait_for_limits
from headrace.streams.worker.runtime import HostedStage
from headrace.streams.worker.stage_supervisor import StageSupervisor
from tests.support.stages import get_stages

WITHIN_SECONDS = 30.0


async def process(_: ConsumerRecord) -> RecordDisposition:
    return RecordDisposition.DONE


class FakeHost:
    """A `StageHost` that fails on demand."""

    def __init__(self, start_error: Exception | None = None) -> None:
        self.error: BaseException | None = None
        self.start_error = start_error
        self.stopped = False

    async def start(self) -> None:
        if self.start_error is not None:
            raise self.start_error

    async def stop(self) -> None:
        self.stopped = True
        if self.error is not None:
            raise self.error

    def failure(self) -> BaseException | None:
        return self.error


class FakeRuntime:
    """A `WorkerRuntime` without Kafka. `start_errors` are raised by the next starts."""

    def __init__(self) -> None:
        self.hosts: list[FakeHost] = []
        self.start_errors: list[Exception] = []
        self.reports: list[tuple[str, str, str]] = []

    def host(self, stage: Stage) -> HostedStage:
        host = FakeHost(self.start_errors.pop(0) if self.start_errors else None)
        self.hosts.append(host)
        scheduler = KeyedScheduler(RecordHandler(process, process, lambda _: 0.0), 1, 1 << 20, 60.0)
        return HostedStage(stage, cast(Any, None), scheduler, host)

    async def report(self, stage: Stage, state: str, why: str = "") -> None:
        self.reports.append((stage.name, state, why))


class Worker:
    """A worker with two stages."""

    def __init__(self) -> None:
        self.runtime = FakeRuntime()
        self.hosted = [self.runtime.host(stage) for stage in get_stages(["scan", "probe"])]
        self.health = HealthState({each.stage.name: each.scheduler for each in self.hosted}, time.monotonic(), True)
        self.supervisor = StageSupervisor(cast(Any, self.runtime), self.hosted, self.health)

    async def until_restarted(self) -> None:
        deadline = time.monotonic() + WITHIN_SECONDS
        while self.supervisor.restarting:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.001)


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    monkeypatch.setattr(stage_supervisor, "BASE_SECONDS", 0.0)
    return Worker()


async def test_failed_stage_is_reported_and_restarted(worker: Worker) -> None:
    scan, probe = worker.runtime.hosts
    scan.error = OSError("the consumer thread has ended")

    worker.supervisor.check()

    assert [each.stage.name for each in worker.hosted] == ["probe"]
    assert worker.health.not_ready() == ["scan: OSError('the consumer thread has ended')"]
    assert metrics.PAUSED.labels("scan")._value.get() == 1
    await worker.until_restarted()
    assert sorted(each.stage.name for each in worker.hosted) == ["probe", "scan"]
    assert (scan.stopped, probe.stopped) == (True, False)
    assert worker.health.not_ready() == []
    assert worker.health.schedulers["scan"] is worker.hosted[-1].scheduler
    assert worker.runtime.reports == [
        ("scan", "paused", "OSError('the consumer thread has ended')"),
        ("scan", "working", ""),
    ]
    assert metrics.PAUSED.labels("scan")._value.get() == 0


async def test_restart_is_repeated_until_the_stage_starts(worker: Worker) -> None:
    before = metrics.STAGE_FAILURES.labels("scan")._value.get()
    worker.runtime.hosts[0].error = RuntimeError("first")
    worker.runtime.start_errors = [RuntimeError("second"), RuntimeError("third")]

    worker.supervisor.check()
    await worker.until_restarted()

    assert [host.stopped for host in worker.runtime.hosts] == [True, False, True, True, False]
    assert metrics.STAGE_FAILURES.labels("scan")._value.get() == before + 3


async def test_back_off_doubles_up_to_its_maximum() -> None:
    worker = Worker()
    waits = [worker.supervisor._note("scan", RuntimeError()) for _ in range(20)]

    assert waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert waits[-1] == stage_supervisor.MAX_BACKOFF_SECONDS


async def test_a_report_that_fails_delays_no_restart(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    async def report(*_: object) -> None:
        raise RuntimeError("no report")

    monkeypatch.setattr(worker.runtime, "report", report)
    worker.runtime.hosts[0].error = RuntimeError("first")

    worker.supervisor.check()
    await worker.until_restarted()

    assert len(worker.hosted) == 2


async def test_worker_waits_until_its_limits_are_known() -> None:
    state, stop, unread = HealthState({}, 0.0), asyncio.Event(), ["reading jobs.started"]
    waiting = asyncio.create_task(wait_for_limits(lambda: unread[0], state, stop, 0.001))
    for _ in range(20):
        await asyncio.sleep(0.002)

    assert not waiting.done()
    assert state.not_ready() == ["starting: reading jobs.started"]
    unread[0] = ""
    assert await asyncio.wait_for(waiting, WITHIN_SECONDS) is True


async def test_worker_that_is_stopped_while_it_reads_starts_no_stage() -> None:
    stop = asyncio.Event()
    stop.set()

    assert await wait_for_limits(lambda: "reading jobs.started", HealthState({}, 0.0), stop) is False
