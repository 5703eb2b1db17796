"""Random machines under kills end as the pure interpreter says. The long form is `make chaos-machines`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pytest

from headrace.schemas import topics
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.streams.executions import transitions
from headrace.streams.executions.open_execution import tombstone
from headrace.streams.executions.partition_executions import PartitionExecutions
from headrace.streams.executions.timers import TimerQueue
from headrace.streams.executions.transitions import TransitionWriter
from tests.chaos.support.machine_chaos import check_machine


def test_random_machines_under_kills() -> None:
    kills = sum(check_machine(seed, kills=3) for seed in range(40))
    assert kills > 60


def test_offset_that_moves_before_the_outcome_is_found() -> None:
    with pytest.raises(AssertionError):
        _check_many((0,))


def state_first(patch: pytest.MonkeyPatch) -> None:
    """Write the state of an execution before its history and its tasks."""
    send, held = TransitionWriter.send, list[ProducerRecord]()

    async def reordered(self: TransitionWriter, records: Sequence[ProducerRecord]) -> None:
        if all(record.topic != topics.MACHINE_STATE.name for record in records):
            held[:] = records
            return
        await send(self, records)
        await send(self, held)

    patch.setattr(TransitionWriter, "send", reordered)


def timers_not_loaded(patch: pytest.MonkeyPatch) -> None:
    """Forget the timers of the executions that a worker takes over."""
    load = PartitionExecutions.load

    def forgetful(self: PartitionExecutions, records: Iterable[ConsumerRecord]) -> list[ProducerRecord]:
        again = load(self, records)
        self.timers = TimerQueue()
        return again

    patch.setattr(PartitionExecutions, "load", forgetful)


def state_not_kept(patch: pytest.MonkeyPatch) -> None:
    """Write the end of an execution instead of its state, so that the next worker does not know it."""
    patch.setattr(transitions, "open_record", lambda execution, _: tombstone(execution))


@pytest.mark.parametrize("plant", [state_first, timers_not_loaded, state_not_kept])
def test_planted_bug_is_found(monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None]) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        _check_many((1, 3, 7))


def _check_many(commit_every: tuple[int, ...]) -> None:
    for seed in range(20):
        check_machine(seed, kills=3, commit_every=commit_every)
