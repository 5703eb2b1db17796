"""Machines, versions, aliases and tags through boto3. Expected answers are recordings of AWS where AWS was recorded.

Source of the recordings: localstack/localstack@8b9a79f, tests/aws/services/stepfunctions/v2 (Apache-2.0).
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.asl_vectors import load_vectors
from tests.unit.console.machines.support import ROLE, Machines, passing, waiting, without_metadata

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:m"


@pytest.fixture
def machines() -> Machines:
    return Machines()


def test_description_has_the_members_of_aws(machines: Machines) -> None:
    definition = json.dumps(passing({"Arg1": "argument1"}))
    created = machines.client.create_state_machine(name="m", definition=definition, roleArn=ROLE)
    assert without_metadata(created) == {"stateMachineArn": MACHINE, "creationDate": created["creationDate"]}
    assert without_metadata(machines.client.describe_state_machine(stateMachineArn=MACHINE)) == {
        "creationDate": created["creationDate"],
        "definition": definition,
        "loggingConfiguration": {"includeExecutionData": False, "level": "OFF"},
        "name": "m",
        "roleArn": ROLE,
        "stateMachineArn": MACHINE,
        "status": "ACTIVE",
        "tracingConfiguration": {"enabled": False},
        "type": "STANDARD",
    }


def test_creation_is_idempotent_and_refuses_another_definition(machines: Machines) -> None:
    first = machines.client.create_state_machine(name="m", definition=json.dumps(passing(1)), roleArn=ROLE)
    again = machines.client.create_state_machine(name="m", definition=json.dumps(passing(1)), roleArn=f"{ROLE}2")
    assert without_metadata(first) == without_metadata(again)
    params = {"name": "m", "definition": json.dumps(passing(2)), "roleArn": ROLE}
    assert machines.error("create_state_machine", **params) == (
        "StateMachineAlreadyExists",
        f"State Machine Already Exists: '{MACHINE}'",
    )


@pytest.mark.parametrize(
    "vector", [v for v in load_vectors("localstack-definitions") if v.get("kind") == "CreateStateMachine"][:12]
)
def test_invalid_definition_has_the_error_of_aws(machines: Machines, vector: dict[str, Any]) -> None:
    params = {"name": "m", "definition": vector["definition"], "roleArn": ROLE}
    code, message = machines.error("create_state_machine", **params)
    assert code == "InvalidDefinition"
    assert message.startswith("Invalid State Machine Definition: '")


@pytest.mark.parametrize(
    ("operation", "params", "error"),
    [
        (
            "describe_state_machine",
            {"stateMachineArn": "not_a_valid_arn"},
            ("InvalidArn", "Invalid Arn: 'Invalid ARN prefix: not_a_valid_arn'"),
        ),
        (
            "describe_state_machine",
            {"stateMachineArn": f"{MACHINE}x"},
            ("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{MACHINE}x'"),
        ),
        (
            "describe_execution",
            {"executionArn": MACHINE.replace("stateMachine", "express")},
            ("InvalidArn", "Invalid Arn: 'Resource type not valid in this context: express'"),
        ),
        (
            "update_state_machine",
            {"stateMachineArn": MACHINE},
            (
                "MissingRequiredParameter",
                "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be"
                " specified",
            ),
        ),
        (
            "create_state_machine",
            {"name": "a b", "definition": "{}", "roleArn": ROLE},
            ("InvalidName", "Invalid Name: 'a b'"),
        ),
        (
            "update_state_machine",
            {"stateMachineArn": MACHINE, "roleArn": ROLE, "versionDescription": "x"},
            ("ValidationException", "Version description can only be set when publish is true"),
        ),
        (
            "list_state_machines",
            {"maxResults": 1001},
            (
                "ValidationException",
                "1 validation error detected: Value '1001' at 'maxResults' failed to satisfy constraint: Member must"
                " have value less than or equal to 1000",
            ),
        ),
        (
            "tag_resource",
            {"resourceArn": f"{MACHINE}:1", "tags": [{"key": "a", "value": "b"}]},
            ("ResourceNotFound", f"Resource not found: '{MACHINE}:1'"),
        ),
        ("list_state_machines", {"nextToken": "x"}, ("InvalidToken", "Invalid Token: 'Invalid token'")),
    ],
)
def test_errors(machines: Machines, operation: str, params: dict[str, Any], error: tuple[str, str]) -> None:
    machines.create(passing())
    assert machines.error(operation, **params) == error


def test_update_changes_the_revision_only_if_something_differs(machines: Machines) -> None:
    arn = machines.create(passing(1))
    client = machines.client
    assert "revisionId" not in client.describe_state_machine(stateMachineArn=arn)
    first = client.update_state_machine(stateMachineArn=arn, roleArn=f"{ROLE}2")["revisionId"]
    same = client.update_state_machine(stateMachineArn=arn, roleArn=f"{ROLE}2")["revisionId"]
    other = client.update_state_machine(stateMachineArn=arn, definition=json.dumps(passing(2)))["revisionId"]
    assert first == same != other
    described = client.describe_state_machine(stateMachineArn=arn)
    assert (described["revisionId"], described["roleArn"]) == (other, f"{ROLE}2")
    assert json.loads(described["definition"]) == passing(2)


def test_versions_are_immutable_and_numbers_are_not_used_again(machines: Machines) -> None:
    client = machines.client
    arn = machines.create(passing(1), publish=True, versionDescription="first")
    assert client.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"] == f"{arn}:1"
    client.update_state_machine(stateMachineArn=arn, definition=json.dumps(passing(2)), publish=True)
    listed = client.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"]
    assert [each["stateMachineVersionArn"] for each in listed] == [f"{arn}:2", f"{arn}:1"]
    first = client.describe_state_machine(stateMachineArn=f"{arn}:1")
    assert json.loads(first["definition"]) == passing(1)
    assert (first["stateMachineArn"], first["description"]) == (f"{arn}:1", "first")
    client.delete_state_machine_version(stateMachineVersionArn=f"{arn}:2")
    client.delete_state_machine_version(stateMachineVersionArn=f"{arn}:2")
    third = client.publish_state_machine_version(stateMachineArn=arn)
    assert third["stateMachineVersionArn"] == f"{arn}:3"


def test_publishing_another_revision_is_a_conflict(machines: Machines) -> None:
    arn = machines.create(passing(1))
    revision = machines.client.update_state_machine(stateMachineArn=arn, roleArn=f"{ROLE}2")["revisionId"]
    wanted = "00000000-0000-0000-0000-000000000000"
    assert machines.error("publish_state_machine_version", stateMachineArn=arn, revisionId=wanted) == (
        "ConflictException",
        f"Failed to publish the State Machine version for revision {wanted}. The current State Machine revision is"
        f" {revision}.",
    )


def routes(arn: str, *weights: int) -> list[dict[str, Any]]:
    """Return routes to the first versions of a machine."""
    return [{"stateMachineVersionArn": f"{arn}:{n}", "weight": weight} for n, weight in enumerate(weights, 1)]


def with_two_versions(machines: Machines) -> str:
    """Return the ARN of a machine with two versions."""
    arn = machines.create(passing(1), publish=True)
    machines.client.update_state_machine(stateMachineArn=arn, definition=json.dumps(passing(2)), publish=True)
    return arn


def test_alias_starts_its_versions_by_weight(machines: Machines) -> None:
    arn = with_two_versions(machines)
    alias = machines.client.create_state_machine_alias(name="live", routingConfiguration=routes(arn, 50, 50))
    alias_arn = alias["stateMachineAliasArn"]
    assert alias_arn == f"{arn}:live"
    found = [machines.describe(machines.start(alias_arn)) for _ in range(30)]
    assert {each["stateMachineAliasArn"] for each in found} == {alias_arn}
    assert {each["output"]: each["stateMachineVersionArn"] for each in found} == {"1": f"{arn}:1", "2": f"{arn}:2"}
    listed = machines.client.list_executions(stateMachineArn=alias_arn)["executions"]
    assert len(listed) == len(machines.client.list_executions(stateMachineArn=arn)["executions"]) == 30


def test_alias_is_updated_and_protects_its_version(machines: Machines) -> None:
    arn, client = with_two_versions(machines), machines.client
    alias = client.create_state_machine_alias(name="live", routingConfiguration=routes(arn, 100))[
        "stateMachineAliasArn"
    ]
    assert machines.error("delete_state_machine_version", stateMachineVersionArn=f"{arn}:1") == (
        "ConflictException",
        "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version:"
        " [live]",
    )
    client.update_state_machine_alias(stateMachineAliasArn=alias, routingConfiguration=routes(arn, 50, 50))
    client.update_state_machine_alias(stateMachineAliasArn=alias, description="half")
    described = client.describe_state_machine_alias(stateMachineAliasArn=alias)
    assert (described["routingConfiguration"], described["description"]) == (routes(arn, 50, 50), "half")
    listed = client.list_state_machine_aliases(stateMachineArn=arn)["stateMachineAliases"]
    assert [each["stateMachineAliasArn"] for each in listed] == [alias]
    client.delete_state_machine_alias(stateMachineAliasArn=alias)
    assert client.list_state_machine_aliases(stateMachineArn=arn)["stateMachineAliases"] == []
    assert machines.error("describe_state_machine_alias", stateMachineAliasArn=alias) == (
        "ResourceNotFound",
        "Request references a resource that does not exist.",
    )


def test_routes_are_checked_as_on_aws(machines: Machines) -> None:
    arn = with_two_versions(machines)

    def refused(routing: list[dict[str, Any]], name: str = "live") -> tuple[str, str]:
        return machines.error("create_state_machine_alias", name=name, routingConfiguration=routing)

    weights = "Sum of routing configuration weights must equal 100. Received: [70, 29]"
    assert refused(routes(arn, 70, 29)) == ("ValidationException", weights)
    twice = routes(arn, 100)[:1] * 2
    assert refused(twice)[1].startswith("Routing configuration must contain distinct state machine version ARNs.")
    machine = [{"stateMachineVersionArn": arn, "weight": 100}]
    message = f"Routing configuration must contain state machine version ARNs. Received: [{arn}]"
    assert refused(machine) == ("ValidationException", message)
    assert "regular expression pattern" in refused(routes(arn, 100), "123")[1]
    machines.client.create_state_machine_alias(name="live", routingConfiguration=routes(arn, 100))
    assert refused(routes(arn, 50, 50))[0] == "ConflictException"


def test_lists_have_pages(machines: Machines) -> None:
    names = [f"m{number}" for number in range(5)]
    for name in names:
        machines.create(passing(), name)
    pages = machines.client.get_paginator("list_state_machines").paginate(PaginationConfig={"PageSize": 2})
    found = [[each["name"] for each in page["stateMachines"]] for page in pages]
    assert found == [names[:2], names[2:4], names[4:]]


def test_deleted_machine_is_gone_with_its_versions(machines: Machines) -> None:
    arn = with_two_versions(machines)
    machines.client.create_state_machine_alias(name="live", routingConfiguration=routes(arn, 100))
    for _ in range(2):
        machines.client.delete_state_machine(stateMachineArn=arn)
    assert machines.client.list_state_machines()["stateMachines"] == []
    assert machines.error("start_execution", stateMachineArn=f"{arn}:1")[0] == "StateMachineDoesNotExist"
    assert machines.engine.table.keys("version/") == machines.engine.table.keys("alias/") == []


def test_tags(machines: Machines) -> None:
    client, arn = machines.client, machines.create(passing(), tags=[{"key": "team", "value": "media"}])
    client.tag_resource(resourceArn=arn, tags=[{"key": "cost", "value": "1"}])
    client.untag_resource(resourceArn=arn, tagKeys=["team", "none"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "cost", "value": "1"}]


def test_validation_and_test_state(machines: Machines) -> None:
    client = machines.client
    text = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}})
    answer = client.validate_state_machine_definition(definition=text)
    assert answer["result"] == "FAIL"
    assert {"MISSING_TRANSITION_TARGET"} <= {each["code"] for each in answer["diagnostics"]}
    state = json.dumps(waiting()["States"]["Ask"])
    mock = {"result": '{"MessageId":"1"}'}
    tested = client.test_state(definition=state, roleArn=ROLE, mock=mock, context='{"Task":{"Token":"t"}}')
    assert (tested["status"], json.loads(tested["output"])) == ("SUCCEEDED", {"MessageId": "1"})
    code, _ = machines.error("test_state", definition="[]", roleArn=ROLE)
    assert code == "InvalidDefinition"
