"""Bulk redrive, compatibility with another definition, and the difference of definitions."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from headrace.console.errors import CommandError
from headrace.console.machines import bulk_redrive
from headrace.console.machines.bulk_redrive import BulkRedriveOptions, BulkRedrivePlan
from headrace.console.machines.definition_diff import diff_definitions
from headrace.console.machines.port import MachineServices
from headrace.console.views.queries.executions import ExecutionFilter
from tests.support.machine_engine import MemoryEngine
from tests.unit.console.machines.support import Machines, passing, waiting

FAILING = {"Throw": {"Error": "Boom", "Cause": "it broke"}}


def failed(count: int, *later: Any) -> tuple[Machines, str, MachineServices]:
    """Return a machine with executions whose task fails once; later calls of tasks have other answers."""
    machines = Machines(MemoryEngine({"Ask": [FAILING] * count + list(later)}))
    arn = machines.create(waiting())
    for number in range(count):
        machines.start(arn, {"n": number}, name=f"e{number}")
    return machines, arn, machines.engine.services()


def run(services: MachineServices, plan: BulkRedrivePlan, options: BulkRedriveOptions) -> list[str]:
    async def collect() -> list[str]:
        return [each.name async for each in bulk_redrive.run_redrive(services, plan, options)]

    return asyncio.run(collect())


def test_canary_comes_first_and_then_the_rest_oldest_first() -> None:
    machines, arn, services = failed(4, *[{"Return": "ok"}] * 4)
    plan = bulk_redrive.plan_redrive(services, ExecutionFilter(machine=arn, error="Boom"), BulkRedriveOptions(), 100)
    assert [each.name for each in plan.executions] == ["e0", "e1", "e2", "e3"]
    assert plan.errors() == {"Boom": 4}
    assert run(services, plan, BulkRedriveOptions(rate=1e6)) == ["e0", "e1", "e2", "e3"]
    listed = machines.client.list_executions(stateMachineArn=arn, statusFilter="SUCCEEDED")["executions"]
    assert len(listed) == 4
    again = bulk_redrive.plan_redrive(services, ExecutionFilter(machine=arn), BulkRedriveOptions(), 100)
    assert again.executions == ()


def test_failing_canary_stops_the_rest() -> None:
    machines, arn, services = failed(3, FAILING, *[{"Return": "ok"}] * 3)
    plan = bulk_redrive.plan_redrive(services, ExecutionFilter(machine=arn), BulkRedriveOptions(), 100)
    with pytest.raises(CommandError, match="the canary e0 ended as FAILED Boom: nothing else was redriven"):
        run(services, plan, BulkRedriveOptions(rate=1e6))
    counts = [machines.describe(each.arn)["redriveCount"] for each in plan.executions]
    assert counts == [1, 0, 0]


def test_execution_that_someone_else_redrove_is_skipped() -> None:
    machines, arn, services = failed(3, *[{"Return": "ok"}] * 3)
    plan = bulk_redrive.plan_redrive(services, ExecutionFilter(machine=arn), BulkRedriveOptions(), 100)
    machines.client.redrive_execution(executionArn=plan.executions[2].arn)
    assert run(services, plan, BulkRedriveOptions(rate=1e6)) == ["e0", "e1"]


def test_input_of_the_failed_state_can_be_replaced() -> None:
    machines, arn, services = failed(1, {"Return": "ok"})
    plan = bulk_redrive.plan_redrive(services, ExecutionFilter(machine=arn), BulkRedriveOptions(), 100)
    run(services, plan, BulkRedriveOptions(inputs={"Ask": {"n": 99}}))
    history = machines.client.get_execution_history(executionArn=plan.executions[0].arn)["events"]
    assert json.loads(machines.describe(plan.executions[0].arn)["output"]) == "ok"
    assert [event["type"] for event in history].count("ExecutionRedriven") == 1


def test_definition_without_the_failed_state_is_refused() -> None:
    machines, arn, services = failed(1)
    machines.client.update_state_machine(stateMachineArn=arn, definition=json.dumps(passing()))
    record = services.table.machine_record("m")
    assert record is not None
    plan = bulk_redrive.plan_redrive(
        services, ExecutionFilter(machine=arn), BulkRedriveOptions(revision=record.revision), 100
    )
    assert plan.executions == ()
    [(execution, reason)] = plan.refused
    assert (execution.name, reason) == ("e0", "Ask: the new definition has no such state at this place")


def test_changed_fields_of_the_failed_state_are_shown() -> None:
    machines, arn, services = failed(1, {"Return": "ok"})
    machines.client.update_state_machine(stateMachineArn=arn, definition=json.dumps(waiting(TimeoutSeconds=60)))
    record = services.table.machine_record("m")
    assert record is not None
    options = BulkRedriveOptions(revision=record.revision)
    plan = bulk_redrive.plan_redrive(services, ExecutionFilter(machine=arn), options, 100)
    [execution] = plan.executions
    [finding] = bulk_redrive.findings(services, execution, record.revision)
    assert (finding.state, finding.changes) == ("Ask", ("TimeoutSeconds",))
    run(services, plan, options)
    answer = machines.client.describe_state_machine_for_execution(executionArn=execution.arn)
    assert json.loads(answer["definition"]) == waiting(TimeoutSeconds=60)


def test_diff_names_states_and_ignores_the_order_of_members() -> None:
    old = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Succeed"}}}
    new = {"States": {"C": {"Type": "Fail"}, "A": {"Next": "C", "Type": "Pass"}}, "StartAt": "A"}
    found = diff_definitions(old, new, "m:1", "m:2")
    assert (found.added, found.removed, found.changed) == (("C",), ("B",), ("A",))
    assert '-      "Next": "B",' in found.lines
    same = {"States": dict(reversed(old["States"].items())), "StartAt": "A"}  # type: ignore[attr-defined]
    assert diff_definitions(old, same, "a", "b").is_empty
