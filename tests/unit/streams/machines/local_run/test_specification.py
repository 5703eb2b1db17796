"""Cases of the States Language specification and of the Step Functions Developer Guide, with their sources.

`tests/data/asl/README.md` describes their form.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from headrace.streams.machines.local_run.batch import answer_line
from headrace.streams.machines.local_run.run import LocalSettings
from headrace.streams.machines.validation import validate
from tests.support.asl_vectors import load_vectors

CASES = load_vectors("specification")
SETTINGS = LocalSettings(datetime(2026, 1, 1, tzinfo=UTC))


def difference(case: dict[str, Any]) -> Any:
    """Return what the answer to a case has instead of the expected members; None if it has them."""
    expected = case["expected"]
    if "findings" in expected:
        definition = case["definition"]
        verdict = validate(definition if isinstance(definition, str) else json.dumps(definition))
        answer: dict[str, Any] = {"findings": sorted({f"{each.severity} {each.code}" for each in verdict.findings})}
    else:
        answer = answer_line(json.dumps(case), SETTINGS)
    return None if {name: answer.get(name) for name in expected} == expected else answer


def test_answers_are_those_of_the_sources() -> None:
    assert len(CASES) > 600
    assert all(case["source"] for case in CASES)
    assert {case["name"]: found for case in CASES if (found := difference(case)) is not None} == {}
