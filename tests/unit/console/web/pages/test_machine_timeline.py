"""The bars of an execution: waiting is distinct from work, and each attempt has its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from headrace.console.views.queries.execution_states import StateAttempt, StateVisit
from headrace.console.views.queries.executions import StoredExecution
from headrace.console.web.pages.machines.picture import running_marks, visit_marks
from headrace.console.web.pages.machines.timeline import execution_timeline

EXECUTION = StoredExecution(
    "arn:e", "e", "arn:m", "r", None, None, None, None, None, "SUCCEEDED", 100.0, 200.0, 0, None, None, None, 9
)
CALLBACK = "sqs:sendMessage.waitForTaskToken"


def attempt(scheduled: float, started: float | None, ended: float | None, **changes: Any) -> StateAttempt:
    status = changes.pop("status", "succeeded")
    found = StateAttempt(1, 1, "Task", "sns:publish", status, scheduled, started, ended, None, None, 0, None, None)
    return replace(found, **changes)


def visit(*tries: StateAttempt, begin: float = 100.0, end: float | None = 200.0, **changes: Any) -> StateVisit:
    found = StateVisit(1, "S", "Task", 0, None, "succeeded", begin, end, len(tries), 1, "", None, None, 0, tries)
    return replace(found, **changes)


def bars(of: StateVisit, execution: StoredExecution = EXECUTION, now: float = 300.0) -> list[tuple[str, float, float]]:
    [row] = execution_timeline(execution, [of], now).rows
    return [(bar.tone, bar.start, bar.seconds) for bar in row.bars]


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (visit(attempt(100, 120, 200)), [("wait", 0.0, 20.0), ("work", 0.2, 80.0)]),
        (visit(attempt(100, 100, 200, resource=CALLBACK)), [("wait", 0.0, 100.0)]),
        (
            visit(attempt(100, 100, 200, resource=CALLBACK, status="timed-out")),
            [("wait", 0.0, 100.0), ("fail", 0.996, 0.0)],
        ),
        (
            visit(attempt(100, 100, 110, status="failed"), attempt(150, 150, 200)),
            [("fail", 0.0, 10.0), ("wait", 0.1, 40.0), ("work", 0.5, 50.0)],
        ),
        (visit(type="Wait"), [("wait", 0.0, 100.0)]),
        (visit(type="Parallel"), [("span", 0.0, 100.0)]),
        (visit(type="Choice", status="failed"), [("fail", 0.0, 100.0)]),
    ],
)
def test_bars_of_a_visit(of: StateVisit, expected: list[tuple[str, float, float]]) -> None:
    assert bars(of) == expected


def test_open_visit_lasts_until_now() -> None:
    running = replace(EXECUTION, status="RUNNING", stopped_at=None)
    assert bars(visit(attempt(150, None, None), begin=150.0, end=None), running) == [("wait", 0.25, 150.0)]
    retrying = visit(attempt(150, 150, 200, status="failed"), begin=150.0, end=None, status="retrying")
    assert bars(retrying, running) == [("fail", 0.25, 50.0), ("wait", 0.5, 100.0)]


def test_bars_stay_within_the_picture() -> None:
    late = visit(attempt(50, 60, 999))
    [row] = execution_timeline(EXECUTION, [late], 300.0).rows
    assert all(0 <= bar.start <= bar.start + bar.width <= 1.0001 for bar in row.bars)


def test_marks_show_the_most_urgent_visit_and_count_them() -> None:
    visits = [
        visit(),
        visit(status="running", end=None),
        visit(state="T", error="Boom"),
        visit(state="U", status="failed"),
    ]
    marks = visit_marks(visits)
    assert {name: (mark.status, mark.text) for name, mark in marks.items()} == {
        "S": ("running", "×2"),
        "T": ("caught", ""),
        "U": ("failed", ""),
    }
    again = [
        visit(status="failed"),
        visit(),
        visit(state="I", iteration=0, status="failed"),
        visit(state="I", iteration=1),
    ]
    assert {name: mark.status for name, mark in visit_marks(again).items()} == {"S": "succeeded", "I": "failed"}
    definition = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "End": True}}}
    assert running_marks(definition, {"W": 1_234})["W"].status == "waiting"
    assert running_marks(definition, {"W": 1_234})["W"].text == "1,234"
