"""The report of `headrace demo --machine`."""

from __future__ import annotations

from headrace.console.machines.view_reader import ViewExecutions
from headrace.console.views.queries.executions import ExecutionFilter
from headrace.sandbox.demo import machine_view
from headrace.sandbox.demo.machine_run import DEFINITION, MachineReport, MachineRun
from headrace.streams.machines.validation import validate
from tests.support.machine_engine import MemoryEngine
from tests.unit.console.machines.support import Machines


def report(allowed: int, asked: bool) -> MachineReport:
    """Return the report of one execution of the machine with mocked stages."""
    mocks = {
        "Ready": [{"Return": {"kind": "video"}}],
        "Labels": [{"Return": {"labels": [{"name": "Cat"}]}}],
        "Moderation": [{"Return": {"flag_count": 0}}],
        "Transcript": [{"Throw": {"Error": "Headrace.InputNotAccepted", "Cause": "no sound"}}],
        "Ask a person": [{"Return": {"approved": True}}],
    }
    machines = Machines(MemoryEngine(mocks))
    text = DEFINITION.read_text("utf-8")
    machine = machines.create(validate(text).definition)
    machines.start(machine, {"bucket": "b", "key": "rabbit.mp4", "allowed": allowed, "reviews": "url"})
    reader = ViewExecutions(machines.engine.connect)
    [execution] = reader.newest(ExecutionFilter(), 10)
    return MachineReport(text, [MachineRun("rabbit.mp4", execution, reader.visits(execution), None, asked)], 1.0)


def test_graph_counts_the_visits_of_each_state() -> None:
    lines = machine_view.graph(report(-1, asked=True))
    assert "○ Ask a person [Task: sqs:sendMessage.waitForTaskToken]  x1" in lines
    assert "  │   ○ Silent [Pass] ■  x1" in lines
    assert "○ Rejected [Fail: Rejected] ■" in lines


def test_film_without_an_approval_is_wrong() -> None:
    assert report(-1, asked=True).wrong == []
    assert report(0, asked=False).wrong == ["rabbit.mp4: the approval is not as expected"]
    shown = machine_view.as_json(report(-1, asked=True))
    assert (shown["executions"][0]["status"], shown["wrong"]) == ("SUCCEEDED", [])
