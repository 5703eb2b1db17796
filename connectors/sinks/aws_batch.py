"""SNS, SQS and EventBridge: batches by the service's limits, and each entry's own answer.

Sources: Amazon SNS API Reference, PublishBatch; Amazon SQS API Reference, SendMessageBatch; Amazon EventBridge API
Reference, PutEvents.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.connectors.aws import client
from headrace.connectors.sinks.base import BadTarget, Delivery, NotDelivered, refused
from headrace.connectors.sinks.batching import Limits

TEN = Limits(10, 256 * 1024)
LONGEST_GROUP = 128


def _marks(delivery: Delivery, arn: str) -> dict[str, Any]:
    """Give an entry's attributes, by which subscribers filter, and what FIFO needs."""
    told = {"id": delivery.id, "detail-type": delivery.detail_type, "source": delivery.source}
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in told.items() if value}
    if not arn.endswith(".fifo"):
        return {"MessageAttributes": attributes}
    group = "".join(char if char.isascii() and char.isalnum() else "-" for char in delivery.key)[-LONGEST_GROUP:]
    return {
        "MessageAttributes": attributes,
        "MessageGroupId": group or "-",
        "MessageDeduplicationId": delivery.id,
    }


def _answers(answer: Mapping[str, Any], count: int) -> list[NotDelivered | None]:
    """Give each entry's own answer. What the service calls a fault of its own is worth another try."""
    found: list[NotDelivered | None] = [None] * count
    for failed in answer.get("Failed", ()):
        failure = refused(failed["Code"], str(failed.get("Message", "")))
        if failure.kind == "permanent" and not failed.get("SenderFault", False):
            failure = NotDelivered("transient", failure.code, str(failure))
        found[int(failed["Id"])] = failure
    return found


def _call(service: str, operation: str, region: str, **parameters: Any) -> dict[str, Any]:
    try:
        return client.tell(service, operation, region, **parameters)
    except client.NotAnswered as error:
        raise refused(error.code, str(error)) from error


def _region(arn: str, service: str) -> str:
    """Read the region out of an ARN. Raises `BadTarget` for what is none of this service."""
    parts = arn.split(":")
    if len(parts) < 6 or parts[0] != "arn" or parts[2] != service or not parts[5]:
        raise BadTarget(f"{arn}: give an ARN such as arn:aws:{service}:eu-central-1:111122223333:NAME")
    return parts[3]
