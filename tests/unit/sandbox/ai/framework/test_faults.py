"""Fault injection."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.sandbox.ai.framework.faults import Fault, Faults, parse


def struck(faults: Faults, calls: int, operation: str = "DetectLabels") -> list[int]:
    return [n for n in range(calls) if faults.should_fail(operation, "throttle")]


def test_fails_a_reproducible_share_of_calls() -> None:
    for _ in range(2):
        faults = Faults()
        faults.add(Fault("DetectLabels", "throttle", share=0.25))
        assert struck(faults, 12) == [3, 7, 11]


def test_fault_ends_after_its_count() -> None:
    faults = Faults()
    faults.add(Fault("DetectLabels", "throttle", count=2))
    assert struck(faults, 5) == [0, 1]
    assert [(entry["seen"], entry["struck"]) for entry in faults.listing()] == [(5, 2)]


def test_fault_applies_to_its_operation_and_kind() -> None:
    faults = Faults()
    faults.add(Fault("DetectLabels", "throttle"))
    assert faults.should_fail("GetLabelDetection", "throttle") is None
    assert faults.should_fail("DetectLabels", "error_500") is None
    faults.add(Fault("*", "error_500"))
    assert faults.should_fail("GetLabelDetection", "error_500") is not None


def test_clear_removes_all_faults() -> None:
    faults = Faults()
    faults.add(Fault("*", "throttle"))
    faults.clear()
    assert struck(faults, 3) == []


def test_parses_a_fault_from_json() -> None:
    body = {"operation": "*", "kind": "late_completion", "seconds": 2, "share": 0.5, "count": 3}
    assert parse(body) == Fault("*", "late_completion", share=0.5, count=3, seconds=2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"operation": 7}, "operation"),
        ({"kind": "magic"}, "kind: one of deny"),
        ({"share": 0}, "share"),
        ({"share": "half"}, "share: not a number"),
        ({"count": True}, "count: not a number"),
        ({"reason": 5}, "reason: not a text"),
        ({"colour": "red"}, "unknown member: colour"),
    ],
)
def test_invalid_fault_error_names_the_reason(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse({"operation": "*", "kind": "throttle", **change})
