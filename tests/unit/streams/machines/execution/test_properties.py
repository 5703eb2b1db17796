"""Properties of the transition function over random machines and random stimuli."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.streams.machines.execution.advance import advance
from headrace.streams.machines.execution.record import Execution
from headrace.streams.machines.execution.replay import decode_stimulus, encode_stimulus, fold
from headrace.streams.machines.execution.snapshot import read_snapshot, take_snapshot
from headrace.streams.machines.execution.stimuli import Heartbeat, Stimulus
from tests.unit.streams.machines.execution.random_machines import RandomRun

seeds = st.integers(0, 2**48)


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_fold_of_every_prefix_is_the_execution_at_that_point(seed: int) -> None:
    run = RandomRun(seed)
    execution: Execution | None = None
    for number, stimulus in enumerate(run.stimuli):
        recorded = decode_stimulus(encode_stimulus(stimulus))
        execution = fold([recorded], lambda _: run.machine, execution)
        assert execution == run.executions[number]
    middle = len(run.stimuli) // 2
    prefix = fold(run.stimuli[:middle], lambda _: run.machine)
    assert fold(run.stimuli[middle:], lambda _: run.machine, prefix) == run.executions[-1]


@given(seeds, st.sampled_from([0, 60, 10_000]))
@settings(max_examples=60, deadline=None)
def test_execution_continues_from_a_snapshot_of_every_step(seed: int, largest_inline: int) -> None:
    run = RandomRun(seed)
    execution: Execution | None = None
    for number, stimulus in enumerate(run.stimuli):
        execution = advance(run.machine, execution, stimulus).execution
        snapshot, payloads = take_snapshot(execution, largest_inline)
        execution = read_snapshot(snapshot, payloads.__getitem__)
        assert execution == run.executions[number]
    if largest_inline == 10_000:
        assert not payloads


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_redelivered_stimuli_change_nothing(seed: int) -> None:
    run = RandomRun(seed)
    previous: list[Stimulus] = []
    for number, stimulus in enumerate(run.stimuli):
        execution = run.executions[number]
        previous.append(stimulus)
        for earlier in previous[-5:]:
            if not isinstance(earlier, Heartbeat) and _took_effect(run, earlier):
                assert advance(run.machine, execution, earlier).execution is execution


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_transition_leaves_its_argument_unchanged(seed: int) -> None:
    run = RandomRun(seed)
    execution: Execution | None = None
    for stimulus in run.stimuli:
        text = repr(execution)
        following = advance(run.machine, execution, stimulus).execution
        assert repr(execution) == text
        execution = following


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_ended_execution_waits_for_nothing(seed: int) -> None:
    final = RandomRun(seed).executions[-1]
    running = [branch for branch in final.branches.values() if branch.status == "running"]
    assert final.last_event <= 3000
    if final.status == "RUNNING":
        assert all(branch.work is not None for branch in running)
    elif final.status != "SUCCEEDED":
        assert not running
    else:
        assert final.branches.keys() == {0}


def _took_effect(run: RandomRun, stimulus: Stimulus) -> bool:
    number = run.stimuli.index(stimulus)
    return number == 0 or run.executions[number] is not run.executions[number - 1]
