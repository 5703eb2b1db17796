"""SNS, SQS and EventBridge: batch limits, attributes and per-entry errors.

Sources: Amazon SNS API Reference, PublishBatch; Amazon SQS API Reference, SendMessageBatch; Amazon EventBridge API
Reference, PutEvents.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.connectors.aws.client import AwsCallError, AwsSession
from headrace.connectors.sinks.base import InvalidTargetError, error_from_aws_code
from headrace.connectors.sinks.batching import BatchLimits
from headrace.schemas import aws_limits
from headrace.schemas.delivery import Delivery, DeliveryError
from headrace.schemas.parsing import InvalidValueError, parse_int

SQS_BATCH = BatchLimits(aws_limits.BATCH_ENTRIES, aws_limits.SQS_MESSAGE_BYTES)
SNS_BATCH = BatchLimits(aws_limits.BATCH_ENTRIES, aws_limits.SNS_MESSAGE_BYTES)
EVENTBRIDGE_BATCH = BatchLimits(aws_limits.BATCH_ENTRIES, aws_limits.EVENTBRIDGE_ENTRY_BYTES)


def entry_attributes(delivery: Delivery, arn: str) -> dict[str, Any]:
    """Return the message attributes of an entry, with group and deduplication id for FIFO."""
    values = {"id": delivery.id, "detail-type": delivery.detail_type, "source": delivery.source}
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in values.items() if value}
    if not arn.endswith(".fifo"):
        return {"MessageAttributes": attributes}
    group = "".join(char if char.isascii() and char.isalnum() else "-" for char in delivery.key)[
        -aws_limits.FIFO_GROUP_CHARACTERS :
    ]
    return {
        "MessageAttributes": attributes,
        "MessageGroupId": group or "-",
        "MessageDeduplicationId": delivery.id,
    }


def entry_errors(answer: Mapping[str, Any], count: int) -> list[DeliveryError | None]:
    """Return the error of each entry. An error that is not the sender's fault is retryable."""
    found: list[DeliveryError | None] = [None] * count
    for failed in answer.get("Failed", ()):
        failure = error_from_aws_code(failed["Code"], str(failed.get("Message", "")))
        if failure.kind == "permanent" and not failed.get("SenderFault", False):
            failure = DeliveryError("transient", failure.code, str(failure))
        try:
            found[parse_int(failed["Id"], 0, count - 1)] = failure
        except InvalidValueError:
            raise DeliveryError("transient", "batch_answer", "AWS reported an entry that was not sent") from None
    return found


def call(aws: AwsSession, service: str, operation: str, region: str, **parameters: Any) -> dict[str, Any]:
    """Call an operation. Raises `DeliveryError`."""
    try:
        return aws.call_once(service, operation, region, **parameters)
    except AwsCallError as error:
        raise error_from_aws_code(error.code, str(error)) from error


def region_of(arn: str, service: str) -> str:
    """Return the region of an ARN. Raises `InvalidTargetError` for an ARN of another service."""
    parts = arn.split(":")
    if len(parts) < 6 or parts[0] != "arn" or parts[2] != service or not parts[5]:
        raise InvalidTargetError(f"{arn}: give an ARN such as arn:aws:{service}:eu-central-1:111122223333:NAME")
    return parts[3]
