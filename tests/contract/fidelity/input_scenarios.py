"""Scenarios of EventBridge input transformers: the templates of `conformance/vectors`, on the local AWS."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from tests.contract.fidelity.events_scenarios import delivered
from tests.contract.fidelity.local_aws import LocalAws
from tests.contract.fidelity.scenario import Answers, Scenario
from tests.support.conformance_vectors import load_lines

Vectors = dict[str, dict[str, Any]]
"""The vectors of a recorded test, by the names of its answers."""


def scenarios() -> list[Scenario]:
    """Return a scenario for each recorded test with a template."""
    return [_scenario(test, vectors) for test, vectors in _by_test().items()]


def _by_test() -> dict[str, Vectors]:
    found: dict[str, Vectors] = defaultdict(dict)
    for vector in load_lines("input-transformers"):
        test, _, answer = vector["source"].split("::", 2)[2].rpartition("/")
        found[test][answer] = vector["input"]
    return found


def _scenario(test: str, vectors: Vectors) -> Scenario:
    def run(aws: LocalAws) -> Answers:
        return {answer: _delivered(aws, given) for answer, given in vectors.items()}

    operations = ("EventBridge input transformer",)
    return Scenario("events_inputs", test, operations, tuple(vectors), run, values="all")


def _delivered(aws: LocalAws, given: dict[str, Any]) -> list[dict[str, Any]]:
    transformer = {"InputPathsMap": given["paths"], "InputTemplate": given["template"]}
    return delivered(aws, given["event"]["detail"], InputTransformer=transformer)
