"""Deliver to an SNS topic."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.connectors.aws.client import AwsSession
from headrace.connectors.sinks.aws_batch import SNS_BATCH, call, entry_attributes, entry_errors, region_of
from headrace.connectors.sinks.base import Sink, SinkKind, SinkSettings, reject_settings
from headrace.connectors.sinks.batching import Batcher, EntryErrors
from headrace.schemas.delivery import Delivery


def sns_sink(arn: str, settings: SinkSettings, aws: AwsSession) -> Sink:
    """Publish to a topic; to a FIFO one in the order of keys, with the delivery's id as its deduplication id."""
    reject_settings(settings)
    region = region_of(arn, "sns")

    def publish(batch: Sequence[Delivery]) -> EntryErrors:
        entries = [{"Id": str(n), "Message": each.body, **entry_attributes(each, arn)} for n, each in enumerate(batch)]
        answer = call(aws, "sns", "publish_batch", region, TopicArn=arn, PublishBatchRequestEntries=entries)
        return entry_errors(answer, len(batch))

    return Batcher(publish, SNS_BATCH).deliver


SINK = SinkKind("sns", sns_sink, arn_service="sns", action="sns:Publish")
