"""Check that the AWS resources of a sources file exist. Read-only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import unquote_plus

from headrace.connectors.aws.client import AwsCallError, AwsSession
from headrace.connectors.bridge_sources.requirements import Requirement
from headrace.connectors.bridge_sources.resource_policy import principal_services
from headrace.schemas.parsing import parse_json

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


def check_requirement(aws: AwsSession, requirement: Requirement, region: str) -> tuple[RequirementState, str]:
    """Return the state of a resource, and the error of AWS if the state is unknown."""
    try:
        return ("present" if _CHECKS[requirement.kind](aws, requirement, region) else "missing"), ""
    except AwsCallError as error:
        return ("missing", "") if error.code in _ABSENT else ("unknown", str(error))


def _queue(aws: AwsSession, requirement: Requirement, region: str) -> bool:
    return bool(_attributes(aws, requirement, region, "QueueArn"))


def _queue_policy(aws: AwsSession, requirement: Requirement, region: str) -> bool:
    """Whether a statement allows the service to send. Conditions are not checked: see `headrace bridge policy`."""
    policy = parse_json(_attributes(aws, requirement, region, "Policy").get("Policy", "{}"))
    return any(requirement.target in principal_services(statement) for statement in policy.get("Statement", ()))


def _attributes(aws: AwsSession, requirement: Requirement, region: str, name: str) -> dict[str, str]:
    answer = aws.call_with_retries(
        "sqs", "get_queue_attributes", region, QueueUrl=requirement.subject, AttributeNames=[name]
    )
    attributes: dict[str, str] = answer.get("Attributes", {})
    return attributes


def _notification(aws: AwsSession, requirement: Requirement, region: str) -> bool:
    answer = aws.call_with_retries("s3", "get_bucket_notification_configuration", region, Bucket=requirement.subject)
    configured = [*answer.get("QueueConfigurations", ()), *answer.get("TopicConfigurations", ())]
    return any(
        requirement.target in (each.get("QueueArn"), each.get("TopicArn"))
        and any(event.startswith("s3:ObjectCreated:") for event in each["Events"])
        and notification_filters(each) == dict(requirement.filters)
        for each in configured
    )


def notification_filters(configured: dict[str, Any]) -> dict[str, str]:
    """Return the filter rules. S3 form-encodes their values."""
    rules = configured.get("Filter", {}).get("Key", {}).get("FilterRules", ())
    return {each["Name"].lower(): unquote_plus(each["Value"]) for each in rules}


def _to_eventbridge(aws: AwsSession, requirement: Requirement, region: str) -> bool:
    return "EventBridgeConfiguration" in aws.call_with_retries(
        "s3", "get_bucket_notification_configuration", region, Bucket=requirement.subject
    )


def _topic(aws: AwsSession, requirement: Requirement, region: str) -> bool:
    return bool(
        aws.call_with_retries(
            "sns", "get_topic_attributes", _region(requirement.subject), TopicArn=requirement.subject
        ).get("Attributes")
    )


def _subscription(aws: AwsSession, requirement: Requirement, region: str) -> bool:
    token: dict[str, str] = {}
    while True:
        answer = aws.call_with_retries(
            "sns", "list_subscriptions_by_topic", _region(requirement.subject), TopicArn=requirement.subject, **token
        )
        if any(each["Endpoint"] == requirement.target for each in answer.get("Subscriptions", ())):
            return True
        if not answer.get("NextToken"):
            return False
        token = {"NextToken": answer["NextToken"]}


def _rule(aws: AwsSession, requirement: Requirement, region: str) -> bool:
    """Whether the rule is enabled and targets the queue. Its pattern may be narrower, so it is not compared."""
    if aws.call_with_retries("events", "describe_rule", region, Name=requirement.subject).get("State") == "DISABLED":
        return False
    targets = aws.call_with_retries("events", "list_targets_by_rule", region, Rule=requirement.subject).get(
        "Targets", ()
    )
    return any(each["Arn"] == requirement.target for each in targets)


def _region(arn: str) -> str:
    return arn.split(":")[3]


_CHECKS: dict[str, Callable[[AwsSession, Requirement, str], bool]] = {
    "queue": _queue,
    "queue policy": _queue_policy,
    "S3 notification": _notification,
    "S3 to EventBridge": _to_eventbridge,
    "SNS topic": _topic,
    "SNS subscription": _subscription,
    "rule": _rule,
}
