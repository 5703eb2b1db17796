"""Run the official JSONata test suite; `differences.json` lists what the binding answers differently, with reasons."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from headrace.streams.machines.errors import DefinitionError
from headrace.streams.machines.expressions.jsonata import library
from headrace.streams.machines.expressions.jsonata.errors import EvaluationError
from headrace.streams.machines.expressions.jsonata.expression import json_value, library_value
from tests.unit.streams.machines.expressions.support import entropy

DATA = Path(__file__).parents[4] / "data" / "jsonata"
LISTED = json.loads((DATA / "differences.json").read_text("utf-8"))
BOUNDS = ("Stack overflow", "Evaluation timeout", "evaluation timeout")
"""What the suite calls U1001."""


def cases() -> dict[str, list[dict[str, Any]]]:
    """Return the cases by folder."""
    groups = defaultdict(list)
    for line in (DATA / "cases.jsonl").read_text("utf-8").splitlines():
        case = json.loads(line)
        groups[case["name"].partition("/")[0]].append(case)
    return groups


CASES = cases()


@cache
def datasets() -> dict[str, Any]:
    """Return the documents that cases name."""
    values: dict[str, Any] = json.loads((DATA / "datasets.json").read_text("utf-8"))
    return values


def difference(case: dict[str, Any]) -> str | None:
    """Return what the binding answers differently."""
    document = case["data"] if "data" in case else datasets().get(case.get("dataset") or "")
    bindings = {name: library_value(value) for name, value in case.get("bindings", {}).items()}
    code = case.get("code") or case.get("error", {}).get("code")
    fails = "result" not in case and "undefinedResult" not in case
    try:
        compiled = library.compile_text(case["expr"])
        root = library_value(document) if "data" in case or document is not None else None
        result = library.evaluate(compiled, bindings, entropy(), root)
    except DefinitionError as error:
        return None if fails else f"is refused: {error}"
    except EvaluationError as error:
        expected = fails and (code is None or code in error.text or (code == "U1001" and is_bound(error.text)))
        return None if expected else f"fails{error.text}"
    if "undefinedResult" in case:
        return None if result is None else f"is {result}"
    if fails or result is None:
        return f"is {result}"
    value = json_value(result)
    same = value == case["result"] or (case.get("unordered") and in_any_order(value) == in_any_order(case["result"]))
    return None if same else f"is {value}"


def is_bound(text: str) -> bool:
    """Return whether a failure is that of a bound."""
    return any(bound in text for bound in BOUNDS)


def in_any_order(values: Any) -> list[str]:
    """Return the elements of an array in a fixed order."""
    return sorted(map(json.dumps, values))


@pytest.mark.parametrize("group", CASES)
def test_differences_are_listed(group: str) -> None:
    differences = {case["name"]: difference(case) for case in CASES[group] if case["name"] not in LISTED["slow"]}
    listed = {name for name in LISTED["differences"] if name.partition("/")[0] == group}

    assert {name: text for name, text in differences.items() if text and name not in listed} == {}
    assert {name for name in listed if differences[name] is None} == set(), "no longer differ"


@pytest.mark.parametrize("name", LISTED["slow"])
def test_slow_case_returns_its_result_or_reaches_the_time_bound(name: str) -> None:
    (case,) = (each for each in CASES[name.partition("/")[0]] if each["name"] == name)

    found = difference(case)
    assert found is None or "Expression evaluation timeout" in found


def test_number_of_cases() -> None:
    assert sum(map(len, CASES.values())) == 1_686
    assert all(LISTED["differences"].values())
