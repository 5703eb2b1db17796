"""The local AWS answers as AWS did, except for known differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from headrace.sandbox.ai.app import AiSettings
from tests.contract.fidelity.catalogue import all_scenarios
from tests.contract.fidelity.differences import known, without_scenario
from tests.contract.fidelity.local_aws import LocalAws
from tests.contract.fidelity.recordings import recorded_tests
from tests.contract.fidelity.scenario import Scenario
from tests.contract.fidelity.shapes import differences

pytestmark = pytest.mark.system

SCENARIOS = all_scenarios()


@pytest.fixture(scope="module")
def aws(
    aws_url: str,
    ai_url: str,
    media_bucket: None,
    serve: Callable[[AiSettings], AbstractContextManager[str]],
) -> Iterator[LocalAws]:
    """The local AWS, with an AI endpoint whose jobs end at once and one whose jobs run."""
    with serve(AiSettings(data=None, job_seconds=600.0)) as slow:
        yield LocalAws(aws_url, ai_url, slow)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_answers_differ_from_aws_only_as_listed(aws: LocalAws, scenario: Scenario) -> None:
    recorded = recorded_tests(scenario.file)[scenario.test]
    answers = scenario.run(aws)
    assert set(answers) == set(scenario.answers)
    found = {name: differences(recorded[name], answer, scenario.values) for name, answer in answers.items()}
    listed = {name: list(reasons) for name, reasons in known().differences.get(scenario.name, {}).items()}
    assert {name: each for name, each in found.items() if each} == listed, "edit tests/data/aws-fidelity.json"


def test_differences_belong_to_scenarios_and_have_reasons() -> None:
    listed = known().differences
    assert set(listed) <= {scenario.name for scenario in SCENARIOS}
    used = {reason for answers in listed.values() for each in answers.values() for reason in each.values()}
    assert used == set(known().reasons)


def test_every_recording_is_compared_or_has_a_reason() -> None:
    skipped = without_scenario(SCENARIOS)
    assert [name for name, entry in skipped.items() if entry is None] == []
    assert set(known().not_compared) == {entry for entry in skipped.values() if entry}


def test_scenario_names_are_unique() -> None:
    names = [scenario.name for scenario in SCENARIOS]
    assert len(set(names)) == len(names)
