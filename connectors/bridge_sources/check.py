"""Looks what of a sources file's needs is there. Only reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import unquote_plus

from headrace.connectors.aws.client import AwsCallError, call_with_retries
from headrace.connectors.bridge_sources.requirements import Requirement

RequirementState = Literal["present", "missing", "unknown"]

_ABSENT = (
    "404",
    "AWS.SimpleQueueService.NonExistentQueue",
    "NoSuchBucket",
    "NotFound",
    "NotFoundException",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
)


def check_requirement(need: Requirement, region: str) -> tuple[RequirementState, str]:
    """Say whether something is there, and what AWS said where that could not be found out."""
    try:
        return ("present" if _LOOKS[need.kind](need, region) else "missing"), ""
    except AwsCallError as error:
        return ("missing", "") if error.code in _ABSENT else ("unknown", str(error))


def _queue(need: Requirement, region: str) -> bool:
    return bool(_attributes(need, region, "QueueArn"))


def _queue_policy(need: Requirement, region: str) -> bool:
    """Whether some statement lets the service send. Its conditions are for `headrace bridge policy` to say."""
    policy = json.loads(_attributes(need, region, "Policy").get("Policy", "{}"))
    return any(need.target in _services(statement) for statement in policy.get("Statement", ()))


def _services(statement: dict[str, Any]) -> list[str]:
    principal = statement.get("Principal")
    named = principal.get("Service", ()) if isinstance(principal, dict) else ()
    return [named] if isinstance(named, str) else list(named)


def _attributes(need: Requirement, region: str, name: str) -> dict[str, str]:
    answer = call_with_retries("sqs", "get_queue_attributes", region, QueueUrl=need.subject, AttributeNames=[name])
    found: dict[str, str] = answer.get("Attributes", {})
    return found


def _notification(need: Requirement, region: str) -> bool:
    answer = call_with_retries("s3", "get_bucket_notification_configuration", region, Bucket=need.subject)
    configured = [*answer.get("QueueConfigurations", ()), *answer.get("TopicConfigurations", ())]
    return any(
        need.target in (each.get("QueueArn"), each.get("TopicArn"))
        and any(event.startswith("s3:ObjectCreated:") for event in each["Events"])
        and _filters(each) == dict(need.filters)
        for each in configured
    )


def _filters(configured: dict[str, Any]) -> dict[str, str]:
    """Read a filter; S3 keeps its values form-encoded, as it does keys."""
    rules = configured.get("Filter", {}).get("Key", {}).get("FilterRules", ())
    return {each["Name"].lower(): unquote_plus(each["Value"]) for each in rules}


def _to_eventbridge(need: Requirement, region: str) -> bool:
    return "EventBridgeConfiguration" in call_with_retries(
        "s3", "get_bucket_notification_configuration", region, Bucket=need.subject
    )


def _topic(need: Requirement, region: str) -> bool:
    return bool(
        call_with_retries("sns", "get_topic_attributes", _region(need.subject), TopicArn=need.subject).get("Attributes")
    )


def _subscription(need: Requirement, region: str) -> bool:
    token: dict[str, str] = {}
    while True:
        answer = call_with_retries(
            "sns", "list_subscriptions_by_topic", _region(need.subject), TopicArn=need.subject, **token
        )
        if any(each["Endpoint"] == need.target for each in answer.get("Subscriptions", ())):
            return True
        if not answer.get("NextToken"):
            return False
        token = {"NextToken": answer["NextToken"]}


def _rule(need: Requirement, region: str) -> bool:
    """Whether the rule is on and leads to the queue. Its pattern may be narrower than ours, so it is not compared."""
    if call_with_retries("events", "describe_rule", region, Name=need.subject).get("State") == "DISABLED":
        return False
    targets = call_with_retries("events", "list_targets_by_rule", region, Rule=need.subject).get("Targets", ())
    return any(each["Arn"] == need.target for each in targets)


def _region(arn: str) -> str:
    return arn.split(":")[3]


_LOOKS: dict[str, Callable[[Requirement, str], bool]] = {
    "queue": _queue,
    "queue policy": _queue_policy,
    "S3 notification": _notification,
    "S3 to EventBridge": _to_eventbridge,
    "SNS topic": _topic,
    "SNS subscription": _subscription,
    "rule": _rule,
}
