"""The tables of executions: states, attempts, redeliveries, and the same rows for any split of the log."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from headrace.console.machines.view_reader import ViewExecutions
from headrace.console.views import specs
from headrace.console.views.apply_executions import apply_executions, asset_of
from headrace.console.views.fold_executions import execution_number
from headrace.console.views.queries.execution_states import StateVisit
from headrace.console.views.queries.executions import ExecutionFilter
from headrace.console.views.store import MemoryStore
from headrace.schemas.records import ExecutionAdvanced
from tests.support.machine_engine import MemoryEngine
from tests.unit.console.machines.support import Machines, waiting

FAILING = {"Throw": {"Error": "Boom", "Cause": "it broke"}}
TASK = {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Parameters": {}}
RETRY = [{"ErrorEquals": ["Boom"], "MaxAttempts": 2}]
SPECS = (specs.EXECUTIONS, specs.EXECUTION_EVENTS, specs.EXECUTION_STATES, specs.EXECUTION_ATTEMPTS)


def nested() -> dict[str, Any]:
    """Return a machine with a Map inside a Parallel state, a retry and a catch."""
    each = {"StartAt": "Each", "States": {"Each": {**TASK, "End": True}}}
    mapped = {"Type": "Map", "ItemProcessor": each, "ItemsPath": "$.items", "End": True}
    branches = [
        {"StartAt": "All", "States": {"All": mapped}},
        {"StartAt": "Other", "States": {"Other": {**TASK, "Retry": RETRY, "End": True}}},
    ]
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Sorry"}]
    both = {"Type": "Parallel", "Branches": branches, "Next": "Done", "Catch": catch}
    states = {"Both": both, "Done": {"Type": "Succeed"}, "Sorry": {"Type": "Fail", "Error": "Sorry"}}
    return {"StartAt": "Both", "States": states}


def history(*answers: Any) -> Machines:
    """Return an engine with one execution of the nested machine."""
    mocks = {"Each": [{"Return": 1}] * 3, "Other": list(answers)}
    machines = Machines(MemoryEngine(mocks))
    machines.start(machines.create(nested()), {"items": [1, 2, 3], "bucket": "media", "key": "cat.jpg"}, name="e")
    return machines


def visits(machines: Machines) -> list[StateVisit]:
    reader = ViewExecutions(machines.engine.connect)
    [execution] = reader.newest(ExecutionFilter(), 10)
    return reader.visits(execution)


def rows(transitions: list[ExecutionAdvanced], sizes: Random | None = None) -> dict[str, Any]:
    """Return the tables after some transitions, in batches of random sizes; one batch without `sizes`."""
    store, left = MemoryStore(), list(transitions)
    while left:
        size = sizes.randint(1, 3) if sizes else len(left)
        batch: dict[int, list[ExecutionAdvanced]] = {}
        for transition in left[:size]:
            batch.setdefault(execution_number(transition.execution), []).append(transition)
        apply_executions(batch, store)
        left = left[size:]
    return {spec.name: store.tables[spec.name] for spec in SPECS}


def test_visits_have_their_places_attempts_and_iterations() -> None:
    found = [(each.state, each.level, each.iteration, each.status) for each in visits(history(FAILING, {"Return": 2}))]
    assert sorted(found, key=repr) == sorted(
        [
            ("Both", 0, None, "succeeded"),
            ("All", 1, None, "succeeded"),
            ("Other", 1, None, "succeeded"),
            *(("Each", 2, number, "succeeded") for number in range(3)),
            ("Done", 0, None, "succeeded"),
        ],
        key=repr,
    )
    [other] = [each for each in visits(history(FAILING, {"Return": 2})) if each.state == "Other"]
    tries = [(each.resource, each.status, each.error) for each in other.tries]
    assert tries == [("sns:publish", "failed", "Boom"), ("sns:publish", "succeeded", None)]
    assert other.attempts == 2


def test_failed_branch_and_its_states_are_closed() -> None:
    found = {each.state: each for each in visits(history(FAILING, FAILING, FAILING))}
    assert {name: found[name].status for name in ("Other", "Sorry")} == {"Other": "failed", "Sorry": "failed"}
    assert found["Both"].status == "succeeded"  # it was left by its catch
    assert all(each.exited_at is not None for each in found.values() if each.state != "Sorry")


def test_open_states_of_running_executions_are_counted_until_they_end() -> None:
    machines = Machines()
    arn = machines.create(waiting())
    reader = ViewExecutions(machines.engine.connect)
    started = [machines.start(arn) for _ in range(3)]
    assert reader.running_states(arn) == {"Ask": 3}
    machines.client.stop_execution(executionArn=started[0])
    assert reader.running_states(arn) == {"Ask": 2}
    execution = reader.one(started[0])
    assert execution is not None
    assert [each.status for each in reader.visits(execution)] == ["aborted"]
    machines.client.redrive_execution(executionArn=started[0])
    assert reader.running_states(arn) == {"Ask": 3}


def test_redriven_parallel_state_has_succeeded_once_it_ends() -> None:
    definition = nested()
    del definition["States"]["Both"]["Catch"], definition["States"]["Sorry"]
    machines = Machines(MemoryEngine({"Each": [{"Return": 1}] * 3, "Other": [*[FAILING] * 3, {"Return": 2}]}))
    arn = machines.start(machines.create(definition), {"items": [1, 2, 3]}, name="e")
    assert {each.state: each.status for each in visits(machines)}["Both"] == "failed"
    machines.client.redrive_execution(executionArn=arn)
    assert {each.status for each in visits(machines) if each.state in {"Both", "Done"}} == {"succeeded"}


@pytest.mark.parametrize("seed", range(6))
def test_any_split_of_the_log_gives_the_same_rows(seed: int) -> None:
    transitions = history(FAILING, {"Return": 2}).engine.transitions
    assert rows(transitions, Random(seed)) == rows(transitions)


def test_redelivered_transitions_change_nothing() -> None:
    transitions = history(FAILING, {"Return": 2}).engine.transitions
    twice = [each for transition in transitions for each in (transition, transition)]
    assert rows([*twice, *transitions[:3]], Random(1)) == rows(transitions)


def test_execution_names_the_asset_of_its_input() -> None:
    reader = ViewExecutions(history({"Return": 2}).engine.connect)
    [execution] = reader.newest(ExecutionFilter(asset="media/cat.jpg"), 10)
    assert (execution.name, execution.asset) == ("e", "media/cat.jpg")
    s3: Any = {"detail": {"bucket": {"name": "b"}, "object": {"key": "k"}}}
    values: tuple[Any, ...] = (s3, {"asset": {"bucket": "b", "key": "k"}}, {"bucket": 1}, None, [])
    assert [asset_of(value) for value in values] == ["b/k", "b/k", None, None, None]
