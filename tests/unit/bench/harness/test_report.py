"""Benchmark results."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import pytest

from bench.harness import report


def test_spread_is_median_and_quartiles() -> None:
    assert report.spread([5.0, 1.0, 2.0, 4.0, 3.0]) == report.Spread(median=3.0, lower=2.0, upper=4.0, repetitions=5)


def test_one_slow_repetition_does_not_move_the_median() -> None:
    assert report.spread([1.0, 1.0, 1.0, 1000.0, 1.0]).median == 1.0


def test_spread_as_text() -> None:
    assert str(report.Spread(0.86921, 0.855, 0.885, 101)) == "0.869 (0.855 to 0.885)"


def test_describes_the_machine() -> None:
    machine = report.machine()

    assert machine.cpu
    assert machine.cores >= 1
    assert machine.python.split()[1].count(".") == 2


def test_result_has_the_machine_and_library_versions() -> None:
    found = report.result("made-up", {"ms": 1}, ("pytest",))

    assert found["benchmark"] == "made-up"
    assert found["machine"]["cores"] == report.machine().cores
    assert found["libraries"] == {"pytest": version("pytest")}


def test_writes_over_the_previous_result(tmp_path: Path) -> None:
    report.write(report.result("made-up", 1), tmp_path / "results")

    target = report.write(report.result("made-up", 2), tmp_path / "results")

    assert target == tmp_path / "results" / "made-up.json"
    assert json.loads(target.read_text())["measured"] == 2


def test_too_few_repetitions_have_no_spread() -> None:
    with pytest.raises(ValueError, match="at least"):
        report.spread([])
