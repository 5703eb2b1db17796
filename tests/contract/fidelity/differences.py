"""The known differences, and the recordings that nothing is compared with: `tests/data/aws-fidelity.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from tests.contract.fidelity.recordings import files, recorded_tests
from tests.contract.fidelity.scenario import Scenario

FILE = Path(__file__).parents[2] / "data" / "aws-fidelity.json"

Differences = dict[str, dict[str, dict[str, str]]]
"""The reason of each difference, by the name of the scenario and of the answer."""


@dataclass(frozen=True, slots=True)
class NotCompared:
    """Why recorded tests are not compared. `tests` is a pattern with `*`; the first that matches applies."""

    tests: str
    reason: str


@dataclass(frozen=True, slots=True)
class KnownDifferences:
    """The content of the file; `reasons` has the text of each reason."""

    reasons: dict[str, str]
    differences: Differences
    not_compared: tuple[NotCompared, ...]


@cache
def known() -> KnownDifferences:
    """Return the content of the file."""
    content = json.loads(FILE.read_text("utf-8"))
    skipped = tuple(NotCompared(**each) for each in content["not_compared"])
    return KnownDifferences(content["reasons"], content["differences"], skipped)


def without_scenario(scenarios: Iterable[Scenario]) -> dict[str, NotCompared | None]:
    """Return the recorded tests with answers that have no scenario, each with its entry of the file, or null."""
    compared = {scenario.name for scenario in scenarios}
    names = (f"{file}/{test}" for file in files() for test, answers in recorded_tests(file).items() if answers)
    return {
        name: next((each for each in known().not_compared if fnmatchcase(name, each.tests)), None)
        for name in names
        if name not in compared
    }
