"""The validation answers as AWS did for the recorded definitions, and accepts what AWS ran."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.streams.machines.validation import validate
from tests.support.asl_vectors import definition_text, load_vectors, vector_id

RECORDED = load_vectors("localstack-definitions")
RESPONSES = [vector for vector in RECORDED if "response" in vector]
EXCEPTIONS = [vector for vector in RECORDED if "aws_error" in vector]
CUSTOMERS = load_vectors("workflows-collection-definitions")
REFUSED_MACHINES = {
    # Its QueryLanguage is inside States. Both other validators refuse it too.
    "shared-fallback-state-jsonata/statemachine/statemachine.asl.json": {
        "/States/QueryLanguage",
        *(f"/States/{name}LambdaState{part}" for name in ("First", "Second", "Third") for part in ("", "/Catch[0]")),
    },
    # Filters compare with words without quotes, `@.Name==Receipt`, which Jayway JsonPath cannot read.
    "textract-analyze-expense-tf/statemachine/statemachine.asl.json": {
        "/States/DetectLabels/ResultSelector",
        "/States/AnalyzeExpense/ResultSelector",
    },
}
"""The machines with errors, and where these are."""
ACCEPTED_MACHINES = {
    "account-vending-machine/statemachine/statemachine.asl.json": "`$.[?(..)]`: a dot before a bracket",
    "distributed-data-stream-aggregator/statemachine/data-extraction-child.asl.json": "JSONata in Choice rules",
    "distributed-data-stream-aggregator/statemachine/statemachine.asl.json": "JSONata in Choice rules",
    "ec2-instance-isolation-cdk/python/statemachine/statemachine.asl.json": "`.[0]`: a dot before a bracket",
    "idempotent-workflow-sam/statemachine/statemachine.asl.json": "`$.[0]`: a dot before a bracket",
    "idempotent-workflow/statemachine/statemachine.asl.json": "`$.[0]`: a dot before a bracket",
    "parallel-agent-early-stopping/statemachine/main.asl.json": "`$` inside a filter",
    "parallelized-embedding-pipeline/statemachine.json": "`$.[0]`: a dot before a bracket",
    "s3-glacier-multi-file-restore-sam/statemachine/statemachine.asl.json": "`$.[*]`: a dot before a bracket",
}
"""Machines that asl-validator refuses and this validation accepts, with what it refuses. All are published examples."""


@pytest.mark.parametrize("vector", RESPONSES, ids=vector_id)
def test_diagnostics_equal_those_of_aws(vector: dict[str, Any]) -> None:
    request = vector["request"]
    assert validate(request["definition"], request["type"]).as_json() == vector["response"]


@pytest.mark.parametrize("vector", EXCEPTIONS, ids=vector_id)
def test_exception_equals_that_of_aws(vector: dict[str, Any]) -> None:
    error = vector["aws_error"]
    expected = error.get("message") or error["exception_value"].partition("operation: ")[2]
    verdict = validate(vector["definition"], "EXPRESS" if "test_sfn_api_express" in vector["name"] else "STANDARD")
    assert verdict.describe() == expected.replace("arn:<partition>:", "arn:aws:")


@pytest.mark.parametrize("vector", CUSTOMERS, ids=vector_id)
def test_machine_of_a_customer_has_no_error(vector: dict[str, Any]) -> None:
    errors = {each.location for each in validate(definition_text(vector)).findings if each.severity == "ERROR"}
    assert errors == REFUSED_MACHINES.get(vector["name"], set())


def test_machines_that_another_validator_refuses_are_known() -> None:
    accepted = {each["name"] for each in CUSTOMERS if each["name"] not in REFUSED_MACHINES}
    assert {each["name"] for each in CUSTOMERS if not each["asl_validator_ok"]} & accepted == set(ACCEPTED_MACHINES)


def test_executions_of_aws_have_definitions_without_errors() -> None:
    refused = {
        vector["name"]: validate(definition_text(vector)).describe()
        for vector in load_vectors("localstack-executions")
        if not validate(definition_text(vector)).ok
    }
    assert refused == {}
