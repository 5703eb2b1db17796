"""Ask IAM to evaluate the policies of a role or user, without calling the actions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from headrace.connectors.aws.client import AwsSession
from headrace.console.aws_account.required_permissions import RequiredPermission

ALL = "*"


class SimulatedDecision(NamedTuple):
    """Whether the policies allow a permission, and what decided it."""

    allowed: bool
    reason: str


def simulate(
    aws: AwsSession, source: str, permissions: Iterable[RequiredPermission], region: str
) -> Mapping[RequiredPermission, SimulatedDecision]:
    """Return the decision for each permission of a principal: one call for each resource.

    Raises:
        AwsCallError: the caller may not simulate policies, or the principal does not exist.
    """
    decisions: dict[RequiredPermission, SimulatedDecision] = {}
    groups: dict[tuple[str, str], list[RequiredPermission]] = defaultdict(list)
    for each in permissions:
        groups[each.resource, each.passed_to].append(each)
    for (resource, service), group in groups.items():
        results = _evaluate(aws, source, [each.action for each in group], _conditions(resource, service, region))
        decisions |= {each: _decision(results[each.action]) for each in group if each.action in results}
    return decisions


def _conditions(resource: str, service: str, region: str) -> dict[str, Any]:
    context = {"aws:RequestedRegion": region, "iam:PassedToService": service}
    entries = [
        {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": "string"}
        for name, value in context.items()
        if value
    ]
    return {"ContextEntries": entries} | ({} if resource == ALL else {"ResourceArns": [resource]})


def _evaluate(aws: AwsSession, source: str, actions: list[str], conditions: dict[str, Any]) -> dict[str, Any]:
    results: dict[str, Any] = {}
    page: dict[str, str] = {}
    while True:
        answer = aws.call_with_retries(
            "iam", "simulate_principal_policy", PolicySourceArn=source, ActionNames=actions, **conditions, **page
        )
        results |= {each["EvalActionName"]: each for each in answer.get("EvaluationResults", ())}
        if not answer.get("IsTruncated"):
            return results
        page = {"Marker": answer["Marker"]}


def _decision(result: dict[str, Any]) -> SimulatedDecision:
    decision = result["EvalDecision"]
    if decision == "allowed":
        return SimulatedDecision(True, "allowed")
    if decision == "explicitDeny":
        return SimulatedDecision(False, "a policy denies it")
    if result.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations") is False:
        return SimulatedDecision(False, "a service control policy of the organization does not allow it")
    if result.get("PermissionsBoundaryDecisionDetail", {}).get("AllowedByPermissionsBoundary") is False:
        return SimulatedDecision(False, "the permissions boundary does not allow it")
    missing = ", ".join(sorted(result.get("MissingContextValues", ())))
    conditions = f"; its policies have conditions on {missing}, which a simulation does not know" if missing else ""
    return SimulatedDecision(False, f"no policy allows it{conditions}")
