"""Deliver to an SQS queue."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from headrace.connectors.aws.client import AwsSession
from headrace.connectors.sinks.aws_batch import SQS_BATCH, call, entry_attributes, entry_errors, region_of
from headrace.connectors.sinks.base import Sink, SinkKind, SinkSettings, reject_settings
from headrace.connectors.sinks.batching import Batcher, EntryErrors
from headrace.schemas.delivery import Delivery


def sqs_sink(arn: str, settings: SinkSettings, aws: AwsSession) -> Sink:
    """Send to a queue; to a FIFO one in the order of keys, with the delivery's id as its deduplication id."""
    reject_settings(settings)
    region = region_of(arn, "sqs")
    name, owner = arn.rsplit(":", 1)[1], arn.split(":")[4]

    @cache
    def url() -> str:
        found = call(aws, "sqs", "get_queue_url", region, QueueName=name, QueueOwnerAWSAccountId=owner)
        return str(found["QueueUrl"])

    def send(batch: Sequence[Delivery]) -> EntryErrors:
        entries = [
            {"Id": str(n), "MessageBody": each.body, **entry_attributes(each, arn)} for n, each in enumerate(batch)
        ]
        answer = call(aws, "sqs", "send_message_batch", region, QueueUrl=url(), Entries=entries)
        return entry_errors(answer, len(batch))

    return Batcher(send, SQS_BATCH).deliver


SINK = SinkKind("sqs", sqs_sink, arn_service="sqs", action="sqs:SendMessage")
