"""A scenario repeats on the local AWS what a recorded test did on AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.contract.fidelity.local_aws import LocalAws
from tests.contract.fidelity.shapes import Values

Answers = Mapping[str, object]
"""Answers by the names that the recording gives them."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """How to repeat a recorded test.

    `operations` are AWS actions and events; `answers` are those that it compares.

    `values`: compare the values of fixed fields, all values, or none, which also merges the items of each list.
    """

    file: str
    test: str
    operations: tuple[str, ...]
    answers: tuple[str, ...]
    run: Callable[[LocalAws], Answers]
    values: Values = "fixed"

    @property
    def name(self) -> str:
        """The name in reports and in the list of differences."""
        return f"{self.file}/{self.test}"
