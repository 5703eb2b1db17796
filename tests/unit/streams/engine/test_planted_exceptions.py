"""Exceptions planted at every step of a record's path: nothing is lost, the worker lives, other keys go on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.streams.engine import decide, metrics, processor, runner
from headrace.streams.engine.circuit_breaker import CircuitBreaker
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.headers import due_at
from headrace.streams.engine.outcome import RecordDisposition
from headrace.streams.engine.processor import Processor
from headrace.streams.engine.scheduler import KeyedScheduler, RecordHandler
from headrace.streams.errors import PermanentError, TransientError
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.results import ResultsStore
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.prices import PRICES
from tests.support.records import CODEC, NOW, asset, received, uploaded
from tests.support.stages import get_stages
from tests.unit.streams.engine.test_processor import Longest, Quick

WITHIN_SECONDS = 60.0
TP = ("media.uploaded", 0)
VICTIM, OTHERS = "victim.jpg", [f"other{number}.jpg" for number in range(10)]


class Planted(RuntimeError):
    """An exception that no code expects."""


class Broker:
    """A `Producer` that records what is sent."""

    def __init__(self) -> None:
        self.sent: list[ProducerRecord] = []

    async def send(self, messages: Sequence[ProducerRecord]) -> None:
        self.sent += messages


class Worker:
    """A real scheduler, processor, runner and results store. `reports` are the states that the stage reports."""

    def __init__(self, quick: bool = True) -> None:
        self.bucket, self.outside, self.broker = MemoryBucket(), FakeServices(), Broker()
        self.reports: list[str] = []
        results = ResultsStore(self.bucket)
        context = RunnerContext(
            CODEC,
            results,
            self.outside.services(results),
            UnlimitedSlots(),
            PRICES,
            clock=lambda: NOW,
            draw=Quick() if quick else Longest(),
        )
        self.processor = Processor(get_stages(["scan"])[0], context, self.broker, self.reports.append)
        work = RecordHandler(self.processor.process, self.processor.on_deadline, due_at)
        self.scheduler = KeyedScheduler(work, 4, 1 << 24, 60.0)

    async def run(self, until: Callable[[], bool]) -> None:
        """Deliver one record for each key and wait for a condition."""
        self.scheduler.start()
        partition = self.scheduler.assign(TP, 0)
        records = [received(uploaded(asset(key)), offset) for offset, key in enumerate([VICTIM, *OTHERS])]
        self.scheduler.deliver(partition, 0, records)
        deadline = time.monotonic() + WITHIN_SECONDS
        while not until():
            assert time.monotonic() < deadline, (self.broker.sent, self.reports)
            assert self.scheduler.failure() is None
            await asyncio.sleep(0.001)

    def outcomes(self) -> dict[str, set[str]]:
        """Return the topics of the messages by key."""
        keys = {message.key or b"" for message in self.broker.sent}
        return {
            key.decode().removeprefix("media/"): {each.topic for each in self.broker.sent if each.key == key}
            for key in keys
        }


def fails(times: int, original: Callable[..., Any], error: BaseException) -> Callable[..., Any]:
    """Return a function that raises for the victim the first `times` times. Calls without a record count too."""
    left = times

    def is_victim(arguments: Sequence[Any]) -> bool:
        return any(VICTIM in repr(argument) for argument in arguments)

    def planted(*arguments: Any, **more: Any) -> Any:
        nonlocal left
        if left and is_victim([*arguments, *more.values()]):
            left -= 1
            raise error
        return original(*arguments, **more)

    return planted


def plant(patch: pytest.MonkeyPatch, owner: Any, name: str, times: int, error: BaseException | None = None) -> None:
    patch.setattr(owner, name, fails(times, getattr(owner, name), error or Planted(f"at {name}")))


POINTS: dict[str, tuple[Any, str]] = {
    "admit": (Processor, "_admission"),
    "decide": (runner.Runner, "_execute"),
    "choose the outcome": (runner, "outcome_for"),
    "read the history": (runner, "record_history"),
    "read the results store": (ResultsStore, "load"),
    "accept": (decide.Decider, "accepts"),
    "write the result": (ResultsStore, "put"),
    "count for the circuit breaker": (CircuitBreaker, "note"),
    "end a trial": (CircuitBreaker, "admits"),
    "build the messages": (Processor, "_messages"),
    "build the dead letter": (processor, "dead_letter"),
    "build the retry record": (processor, "retry_record"),
    "store the failure": (runner.Runner, "remember_failure"),
    "write the failure": (ResultsStore, "put_failure"),
    "send": (Broker, "send"),
    "log the outcome": (metrics.StageMetrics, "_record_outcome"),
}
INSIDE_THE_STAGE = (runner.Runner, decide.Decider, ResultsStore)
"""An exception here is an internal error of the stage, and so a dead letter."""
ENDINGS = {"done": (None, {"media.scanned"}), "dead": (PermanentError("infected", "EICAR"), {"scan.dlq"})}


@pytest.mark.parametrize("ending", sorted(ENDINGS))
@pytest.mark.parametrize("point", sorted(POINTS))
async def test_one_exception_delays_one_record(point: str, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker()
    error, topics = ENDINGS[ending]
    if error is not None:
        plant(monkeypatch, runner.Runner, "_execute", 1_000_000, error)
    plant(monkeypatch, *POINTS[point], times=1)

    await worker.run(lambda: worker.scheduler.committable(TP) == len(OTHERS) + 1)

    outcomes = worker.outcomes()
    assert outcomes.pop(VICTIM) in (topics, {"scan.dlq"} if POINTS[point][0] in INSIDE_THE_STAGE else topics)
    assert outcomes == {key: {"media.scanned"} for key in OTHERS}
    assert worker.processor.pause.why == ""
    assert worker.reports == [] or worker.reports[-1] == ""


@pytest.mark.parametrize("point", ["build the messages", "send"])
async def test_record_stays_uncommitted_and_the_stage_says_why(point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(quick=False)
    plant(monkeypatch, *POINTS[point], times=1_000_000)

    await worker.run(lambda: len(worker.outcomes()) == len(OTHERS) and bool(worker.reports))

    assert worker.scheduler.committable(TP) == 0
    assert "Planted" in worker.reports[-1]
    assert "Planted" in worker.processor.pause.why
    assert metrics.PAUSED.labels("scan")._value.get() == 1


async def test_record_that_cannot_be_settled_is_dead_lettered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own content is at fault, so it must not hold back the offset for long."""
    worker = Worker()
    plant(monkeypatch, CircuitBreaker, "note", times=1_000_000)

    await worker.run(lambda: worker.scheduler.committable(TP) == len(OTHERS) + 1)

    assert worker.outcomes()[VICTIM] == {"scan.dlq"}
    [letter] = [message for message in worker.broker.sent if message.topic == "scan.dlq"]
    assert dict(letter.headers)["dlq-code"] == b"internal_error"


@pytest.mark.parametrize("error", [asyncio.CancelledError(), SystemExit(3), StopAsyncIteration(), RecursionError()])
async def test_stage_that_cancels_or_exits_ends_no_worker(
    error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker()
    monkeypatch.setattr(runner.Runner, "_execute", fails(1, runner.Runner._execute, error))

    await worker.run(lambda: worker.scheduler.committable(TP) == len(OTHERS) + 1)

    assert worker.outcomes()[VICTIM] == {"scan.dlq"}


async def test_failing_status_report_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker()

    def report(_: str) -> None:
        raise Planted("no report")

    monkeypatch.setattr(worker.processor.pause, "_changed", report)
    plant(monkeypatch, Broker, "send", times=2)

    await worker.run(lambda: worker.scheduler.committable(TP) == len(OTHERS) + 1)

    assert set(worker.outcomes()) == {VICTIM, *OTHERS}


async def test_deadline_is_settled_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker()
    plant(monkeypatch, processor, "retry_record", times=2)

    assert await worker.processor.on_deadline(received(uploaded(asset(VICTIM)))) is RecordDisposition.DEFERRED
    assert [message.topic for message in worker.broker.sent] == ["scan.retry"]


async def test_cancelled_worker_is_a_failure_of_the_stage() -> None:
    async def never(_: ConsumerRecord) -> RecordDisposition:
        raise asyncio.CancelledError

    scheduler = KeyedScheduler(RecordHandler(never, never, due_at), 1, 1 << 20, 60.0)
    scheduler.start()
    scheduler.deliver(scheduler.assign(TP, 0), 0, [received(uploaded())])
    for _ in range(5):
        await asyncio.sleep(0)

    assert isinstance(scheduler.failure(), RuntimeError)


async def test_transient_errors_still_use_the_retry_topic() -> None:
    worker = Worker(quick=False)
    worker.outside.failures = [TransientError("timed out")] * 100
    assert await asyncio.wait_for(worker.processor.process(received(uploaded())), WITHIN_SECONDS)
