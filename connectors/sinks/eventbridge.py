"""Deliver to an EventBridge event bus."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.connectors.aws.client import AwsSession
from headrace.connectors.sinks.aws_batch import EVENTBRIDGE_BATCH, call, region_of
from headrace.connectors.sinks.base import InvalidTargetError, Sink, SinkKind, SinkSettings, error_from_aws_code
from headrace.connectors.sinks.batching import Batcher, EntryErrors
from headrace.schemas.delivery import Delivery


def eventbridge_sink(bus: str, settings: SinkSettings, aws: AwsSession) -> Sink:
    """Put events on a bus, by name or ARN. AWS reserves sources that start with `aws.`."""
    region = region_of(bus, "events") if bus.startswith("arn:") else ""
    source = settings.get("source", "headrace")
    if not isinstance(source, str) or source.startswith("aws."):
        raise InvalidTargetError(f"source: a name of your own, not {source!r}")

    def put(batch: Sequence[Delivery]) -> EntryErrors:
        entries = [
            {
                "EventBusName": bus,
                "Source": source,
                "DetailType": str(settings.get("detail_type") or each.detail_type),
                "Detail": each.body,
            }
            for each in batch
        ]
        answer = call(aws, "events", "put_events", region, Entries=entries)
        return [
            error_from_aws_code(entry["ErrorCode"], str(entry.get("ErrorMessage", "")))
            if entry.get("ErrorCode")
            else None
            for entry in answer["Entries"]
        ]

    return Batcher(put, EVENTBRIDGE_BATCH).deliver


SINK = SinkKind("eventbridge", eventbridge_sink, arn_service="events", action="events:PutEvents")
