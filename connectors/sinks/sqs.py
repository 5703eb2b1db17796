"""Deliver to an SQS queue."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from headrace.connectors.sinks.aws_batch import TEN, _answers, _call, _marks, _region
from headrace.connectors.sinks.base import Delivery, Sink
from headrace.connectors.sinks.batching import Answer, Batches


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
