"""Timers of open executions: due times, cancelled timers, and Kafka that is unavailable."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from headrace.schemas import topics
from headrace.schemas.messages import ProducerRecord, SendError
from headrace.streams.errors import OutageError
from headrace.streams.executions.inbox import DeliverStimulus
from headrace.streams.machines.execution.stimuli import StopExecution
from tests.unit.streams.executions.fake_log import BEGIN, FakeLog, FakeWorker

WAIT = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 60, "End": True}}}


async def waiting(log: FakeLog) -> FakeWorker:
    """Return a worker that loaded an execution with a timer in a minute."""
    worker = FakeWorker(log, lambda *_: [])
    await worker._next(topics.MACHINE_INBOX.name, worker._advance)
    return FakeWorker(log, lambda *_: [])


async def test_loaded_timer_fires_when_it_is_due() -> None:
    log = FakeLog()
    await log.start_now(log.deploy(WAIT))
    worker = await waiting(log)
    executions = await worker.executions()
    inbox = len(log.topics[topics.MACHINE_INBOX.name])
    log.now = BEGIN + timedelta(seconds=59)
    assert await worker.timers.fire(executions) == 0
    log.now = BEGIN + timedelta(seconds=61)
    while await worker.timers.fire(executions):
        pass
    assert len(log.topics[topics.MACHINE_INBOX.name]) == inbox + 1


async def test_timer_of_a_stopped_execution_does_not_fire() -> None:
    log = FakeLog()
    execution = await log.start_now(log.deploy(WAIT))
    await log.receive(execution, DeliverStimulus(StopExecution(BEGIN, 1, 0)), "stop")
    worker = FakeWorker(log, lambda *_: [])
    for _ in range(2):
        await worker._next(topics.MACHINE_INBOX.name, worker._advance)
    inbox = len(log.topics[topics.MACHINE_INBOX.name])
    log.now = BEGIN + timedelta(seconds=61)
    await worker.timers.fire(await worker.executions())
    assert len(log.topics[topics.MACHINE_INBOX.name]) == inbox


async def test_timer_that_cannot_be_sent_fires_later() -> None:
    log = FakeLog()
    await log.start_now(log.deploy(WAIT))
    worker = await waiting(log)
    executions = await worker.executions()
    send = worker.timers._send

    async def fail(_: Sequence[ProducerRecord]) -> None:
        raise SendError(topics.MACHINE_INBOX.name, "no broker", final=False)

    log.now = BEGIN + timedelta(seconds=61)
    await worker.timers.fire(executions)
    worker.timers._send = fail
    assert await worker.timers.fire(executions) == 0
    worker.timers._send = send
    log.now += timedelta(seconds=2)
    assert await worker.timers.fire(executions) == 1


async def test_damaged_snapshot_delays_no_other_timer() -> None:
    log = FakeLog()
    await log.start_now(log.deploy(WAIT))
    worker = await waiting(log)
    executions = await worker.executions()
    executions._snapshots["damaged"] = b"{}\n{}"
    executions.timers.add(0.0, "damaged")
    inbox = len(log.topics[topics.MACHINE_INBOX.name])
    log.now = BEGIN + timedelta(seconds=61)
    for _ in range(3):
        await worker.timers.fire(executions)
    assert len(log.topics[topics.MACHINE_INBOX.name]) == inbox + 1


async def test_partition_that_cannot_be_read_is_read_again() -> None:
    log, reads = FakeLog(), 0
    worker = FakeWorker(log, lambda *_: [])

    def read(_: int) -> list[ProducerRecord]:
        nonlocal reads
        reads += 1
        if reads == 1:
            raise OSError("no broker")
        return []

    worker.owned._read = read  # type: ignore[assignment]
    assert len(await asyncio.wait_for(worker.executions(), 20)) == 0
    assert reads == 2


async def test_record_of_an_earlier_assignment_waits_for_the_next() -> None:
    worker = FakeWorker(FakeLog(), lambda *_: [])
    worker.owned.assign(0)
    waiting_record = asyncio.create_task(worker.owned.get(0))
    await asyncio.sleep(0)
    worker.owned.assign(0)
    assert len(await asyncio.wait_for(waiting_record, 20)) == 0
    worker.owned.drop(0)
    with pytest.raises(OutageError):
        await worker.owned.get(0)
