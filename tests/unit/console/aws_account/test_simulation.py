"""Policy simulation: pages, conditions, and what decided."""

from __future__ import annotations

from typing import Any

from headrace.console.aws_account.required_permissions import RequiredPermission
from headrace.console.aws_account.simulation import simulate
from tests.unit.console.aws_account.fake_account import FakeAccount

LABELS = RequiredPermission("rekognition:DetectLabels", "*")
READ = RequiredPermission("s3:GetObject", "arn:aws:s3:::media/*")
PASS = RequiredPermission("iam:PassRole", "arn:aws:iam::1:role/jobs", passed_to="rekognition.amazonaws.com")


def result(action: str, decision: str = "implicitDeny", **details: Any) -> dict[str, Any]:
    return {"EvalActionName": action, "EvalResourceName": "*", "EvalDecision": decision, **details}


def decided(found: dict[str, Any]) -> tuple[bool, str]:
    aws = FakeAccount({"iam.simulate_principal_policy": {"EvaluationResults": [found]}})
    allowed, reason = simulate(aws, "source", [LABELS], "eu-central-1")[LABELS]
    return allowed, reason


def test_reasons_of_decisions() -> None:
    name = LABELS.action
    assert decided(result(name, "allowed")) == (True, "allowed")
    assert decided(result(name, "explicitDeny")) == (False, "a policy denies it")
    assert decided(result(name)) == (False, "no policy allows it")
    organization: dict[str, Any] = {"OrganizationsDecisionDetail": {"AllowedByOrganizations": False}}
    assert "service control policy" in decided(result(name, **organization))[1]
    boundary: dict[str, Any] = {"PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": False}}
    assert "permissions boundary" in decided(result(name, **boundary))[1]
    assert "conditions on aws:SourceVpc" in decided(result(name, MissingContextValues=["aws:SourceVpc"]))[1]


def test_each_resource_is_simulated_with_its_conditions() -> None:
    def answer(parameters: dict[str, Any]) -> dict[str, Any]:
        return {"EvaluationResults": [result(each, "allowed") for each in parameters["ActionNames"]]}

    aws = FakeAccount({"iam.simulate_principal_policy": answer})
    assert all(each.allowed for each in simulate(aws, "source", [LABELS, READ, PASS], "eu-central-1").values())
    sent = [parameters for _, parameters in aws.calls]
    assert [each.get("ResourceArns") for each in sent] == [None, [READ.resource], [PASS.resource]]
    contexts = [
        {entry["ContextKeyName"]: entry["ContextKeyValues"] for entry in each["ContextEntries"]} for each in sent
    ]
    assert contexts[0] == {"aws:RequestedRegion": ["eu-central-1"]}
    assert contexts[2]["iam:PassedToService"] == ["rekognition.amazonaws.com"]


def test_all_pages_are_read() -> None:
    other = RequiredPermission("rekognition:DetectFaces", "*")

    def answer(parameters: dict[str, Any]) -> dict[str, Any]:
        if "Marker" not in parameters:
            return {"EvaluationResults": [result(LABELS.action, "allowed")], "IsTruncated": True, "Marker": "2"}
        return {"EvaluationResults": [result(other.action)]}

    found = simulate(FakeAccount({"iam.simulate_principal_policy": answer}), "source", [LABELS, other], "eu-central-1")
    assert (found[LABELS].allowed, found[other].allowed) == (True, False)
