"""Deliver to an SNS topic."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.connectors.sinks.aws_batch import TEN, _answers, _call, _marks, _region
from headrace.connectors.sinks.base import Delivery, Sink
from headrace.connectors.sinks.batching import Answer, Batches


def sns(arn: str) -> Sink:
    """Publish to a topic; to a FIFO one in the order of keys, with the delivery's id as its deduplication id."""
    region = _region(arn, "sns")

    def publish(batch: Sequence[Delivery]) -> Answer:
        entries = [{"Id": str(n), "Message": each.body, **_marks(each, arn)} for n, each in enumerate(batch)]
        answer = _call("sns", "publish_batch", region, TopicArn=arn, PublishBatchRequestEntries=entries)
        return _answers(answer, len(batch))

    return Batches(publish, TEN).deliver
