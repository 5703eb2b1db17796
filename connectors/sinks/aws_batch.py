"""SNS, SQS and EventBridge: batches by the service's limits, and each entry's own answer.

Sources: Amazon SNS API Reference, PublishBatch; Amazon SQS API Reference, SendMessageBatch; Amazon EventBridge API
Reference, PutEvents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from headrace.connectors.aws import client
from headrace.connectors.sinks.base import BadTarget, Delivery, NotDelivered, Sink, refused
from headrace.connectors.sinks.batching import Answer, Batches, Limits

TEN = Limits(10, 256 * 1024)
LONGEST_GROUP = 128


def sns(arn: str) -> Sink:
    """Publish to a topic; to a FIFO one in the order of keys, with the delivery's id as its deduplication id."""
    region = _region(arn, "sns")

    def publish(batch: Sequence[Delivery]) -> Answer:
        entries = [{"Id": str(n), "Message": each.body, **_marks(each, arn)} for n, each in enumerate(batch)]
        answer = _call("sns", "publish_batch", region, TopicArn=arn, PublishBatchRequestEntries=entries)
        return _answers(answer, len(batch))

    return Batches(publish, TEN).deliver


def sqs(arn: str) -> Sink:
    """Send to a queue; to a FIFO one in the order of keys, with the delivery's id as its deduplication id."""
    region = _region(arn, "sqs")
    name, owner = arn.rsplit(":", 1)[1], arn.split(":")[4]

    @cache
    def url() -> str:
        found = _call("sqs", "get_queue_url", region, QueueName=name, QueueOwnerAWSAccountId=owner)
        return str(found["QueueUrl"])

    def send(batch: Sequence[Delivery]) -> Answer:
        entries = [{"Id": str(n), "MessageBody": each.body, **_marks(each, arn)} for n, each in enumerate(batch)]
        return _answers(_call("sqs", "send_message_batch", region, QueueUrl=url(), Entries=entries), len(batch))

    return Batches(send, TEN).deliver


def eventbridge(bus: str, settings: Mapping[str, Any]) -> Sink:
    """Put events on a bus, by its name or ARN, under a source of ours: those of AWS may not be used."""
    region = _region(bus, "events") if bus.startswith("arn:") else ""
    source = settings.get("source", "headrace")
    if not isinstance(source, str) or source.startswith("aws."):
        raise BadTarget(f"source: a name of your own, not {source!r}")

    def put(batch: Sequence[Delivery]) -> Answer:
        entries = [
            {
                "EventBusName": bus,
                "Source": source,
                "DetailType": str(settings.get("detail_type") or each.detail_type),
                "Detail": each.body,
            }
            for each in batch
        ]
        answer = _call("events", "put_events", region, Entries=entries)
        return [
            refused(entry["ErrorCode"], str(entry.get("ErrorMessage", ""))) if entry.get("ErrorCode") else None
            for entry in answer["Entries"]
        ]

    return Batches(put, TEN).deliver


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
