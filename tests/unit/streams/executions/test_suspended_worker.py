"""A worker that is suspended before it writes a state, and writes it after another worker has gone on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest

from headrace.schemas import topics
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import StimulusReceived
from headrace.streams.executions.open_execution import STATE_VERSION, is_outdated, state_record
from headrace.streams.executions.partition_executions import PartitionExecutions
from headrace.streams.executions.payload_store import PayloadStore
from tests.unit.streams.executions.fake_log import CODEC, FakeLog, FakeWorker, LongRunError

WAIT = {"Type": "Wait", "Seconds": 10}
TWICE = {"StartAt": "A", "States": {"A": {**WAIT, "Next": "B"}, "B": {**WAIT, "End": True}}}
SECOND_WAIT = 4
"""Steps of a worker from the start to the second wait: the start, the clock, the timer, and its record."""
PASSED = ["WaitStateEntered", "WaitStateExited"]


class SuspendedWorker:
    """A worker that is suspended when it writes its first state."""

    def __init__(self, log: FakeLog) -> None:
        self._log = log
        self._resumed = asyncio.Event()
        self._running = asyncio.create_task(FakeWorker(log, lambda *_: (), send=self._send).run(1))

    async def resume(self) -> None:
        self._resumed.set()
        with suppress(LongRunError):
            await self._running

    async def _send(self, records: Sequence[ProducerRecord]) -> None:
        if any(record.topic == topics.MACHINE_STATE.name for record in records):
            await self._resumed.wait()
        await self._log.send(records)


def timers(log: FakeLog) -> list[str]:
    """Return the ids of the records of timers that reached the inbox."""
    found = [(CODEC.decode(record.value), record) for record in log.topics[topics.MACHINE_INBOX.name]]
    fired = [record for event, record in found if isinstance(event, StimulusReceived) and event.kind == "TimerFired"]
    return [(dict(record.headers)["ce_id"] or b"").decode() for record in fired]


@pytest.mark.parametrize("steps", [SECOND_WAIT, 100])
async def test_late_state_of_a_suspended_worker_changes_nothing(steps: int) -> None:
    log = FakeLog()
    execution = await log.start_now(log.deploy(TWICE))
    first = SuspendedWorker(log)
    await asyncio.sleep(0)
    second = FakeWorker(log, lambda *_: ())
    with suppress(LongRunError):
        await second.run(steps)
    await first.resume()

    third = FakeWorker(log, lambda *_: ())
    assert len(await third.executions()) == (1 if steps == SECOND_WAIT else 0)
    await third.run()

    assert log.events(execution) == ["ExecutionStarted", *PASSED, *PASSED, "ExecutionSucceeded"]
    assert len(timers(log)) == len(set(timers(log))) == 2
    assert log.open_executions() == set()


def record(offset: int, sequence: int, started: int = 1, value: bytes | None = b"{}\n") -> ConsumerRecord:
    state = state_record("e", value and value + b"%d" % sequence, b"%015d.%010d" % (started, sequence), None)
    return ConsumerRecord(state.topic, 0, offset, 0.0, state.key, state.value, state.headers)


def load(*records: ConsumerRecord) -> tuple[int, list[bytes | None]]:
    """Return how many executions are open, and the versions of the states to write again."""
    executions = PartitionExecutions(PayloadStore(FakeLog().bucket))
    again = executions.load(records)
    return len(executions), [dict(each.headers)[STATE_VERSION] for each in again]


def test_newest_state_is_written_again_behind_an_older_one() -> None:
    newest = b"%015d.%010d" % (1, 2)
    assert load(record(0, 1), record(1, 2), record(2, 1)) == (1, [newest])
    assert load(record(0, 1), record(1, 2, value=None), record(2, 1)) == (0, [newest])
    assert load(record(0, 1), record(1, 2), record(2, 1), record(3, 2)) == (1, [])


def test_execution_that_is_started_anew_replaces_its_end() -> None:
    assert load(record(0, 5, value=None), record(1, 1, started=2)) == (1, [])


def test_state_of_an_older_release_has_no_version() -> None:
    assert not is_outdated(None, b"%015d.%010d" % (1, 2))
    assert not is_outdated(b"%015d.%010d" % (1, 2), None)
