"""All scenarios."""

from __future__ import annotations

from tests.contract.fidelity import (
    events_scenarios,
    input_scenarios,
    lambda_scenarios,
    s3_request_scenarios,
    s3_scenarios,
    sns_scenarios,
    sqs_scenarios,
    transcribe_scenarios,
)
from tests.contract.fidelity.scenario import Scenario


def all_scenarios() -> list[Scenario]:
    """Return every scenario."""
    return [
        *s3_scenarios.SCENARIOS,
        *s3_request_scenarios.SCENARIOS,
        *sqs_scenarios.SCENARIOS,
        *sns_scenarios.SCENARIOS,
        *events_scenarios.scenarios(),
        *input_scenarios.scenarios(),
        *lambda_scenarios.SCENARIOS,
        *transcribe_scenarios.SCENARIOS,
    ]
