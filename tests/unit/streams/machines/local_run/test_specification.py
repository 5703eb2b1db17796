"""Cases of the States Language specification and of the Developer Guide, and answers of AWS that others recorded.

`tests/data/asl/README.md` describes their form.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.streams.machines.local_run.batch import answer_line
from headrace.streams.machines.local_run.run import LocalSettings
from headrace.streams.machines.validation import validate
from tests.support.asl_vectors import definition_text, load_vectors

CASES = load_vectors("specification")
OBSERVATIONS = load_vectors("observations")
SETTINGS = LocalSettings(datetime(2026, 1, 1, tzinfo=UTC))


def difference(case: dict[str, Any]) -> Any:
    """Return what the answer to a case has instead of the expected members; None if it has them."""
    expected = case["expected"]
    if "findings" in expected or "messages" in expected:
        findings = validate(definition_text(case)).findings
        answer: dict[str, Any] = {
            "findings": sorted({f"{each.severity} {each.code}" for each in findings}),
            "messages": [each.message for each in findings],
        }
    else:
        answer = answer_line(json.dumps(case), SETTINGS)
    return None if {name: answer.get(name) for name in expected} == expected else answer


@pytest.mark.parametrize(("cases", "count"), [(CASES, 702), (OBSERVATIONS, 81)], ids=["specification", "observations"])
def test_answers_are_those_of_the_sources(cases: list[dict[str, Any]], count: int) -> None:
    assert len(cases) == count
    assert all(case["source"] for case in cases)
    assert {case["name"]: found for case in cases if (found := difference(case)) is not None} == {}
