"""Encode the events of an AWS message as Kafka records."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from headrace.connectors.events.parser import parse_message
from headrace.connectors.events.results import EventWithMetadata, Ignored, ParseResult, Rejected
from headrace.schemas.aws_limits import SQS_MESSAGE_BYTES
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.records import AwsEvent
from headrace.schemas.serde.codec import Codec, to_producer_record

LARGEST_RECORD = 256 * 1024
"""Bytes of a record that Headrace defines. Events of others are unchanged and may have as many as AWS delivers."""
LARGEST_UNCHANGED = SQS_MESSAGE_BYTES + LARGEST_RECORD
"""A message of the largest size, with the fields around it."""


def encode_message(
    body: bytes | str, received_at: datetime, codec: Codec
) -> tuple[ProducerRecord, ...] | Ignored | Rejected:
    """Parse and encode a message. Never raises.

    The valid events of a rejected message are encoded by `encode_valid_parts`.
    """
    return encode_events(parse_message(body, received_at), codec)


def encode_events(result: ParseResult, codec: Codec) -> tuple[ProducerRecord, ...] | Ignored | Rejected:
    """Encode the events of a parsed message. Never raises."""
    if isinstance(result, Ignored):
        return result
    records, events = [], []
    rejected = result if isinstance(result, Rejected) else None
    for event in result.events:
        encoded = _encode(event, codec)
        if isinstance(encoded, ProducerRecord):
            records.append(encoded)
            events.append(event)
        else:
            rejected = rejected or encoded
    return replace(rejected, events=tuple(events)) if rejected else tuple(records)


def encode_valid_parts(rejected: Rejected, codec: Codec) -> tuple[ProducerRecord, ...]:
    """Encode the valid events of a rejected message."""
    return tuple(to_producer_record(*event, codec) for event in rejected.events)


def _encode(event: EventWithMetadata, codec: Codec) -> ProducerRecord | Rejected:
    try:
        record = to_producer_record(*event, codec)
    except ValueError as error:  # a bug in Headrace; it must not block the messages behind this one
        return Rejected("internal_error", str(error))
    largest = LARGEST_UNCHANGED if isinstance(event[0], AwsEvent) else LARGEST_RECORD
    if _size(record) > largest:
        return Rejected("too_large", f"a record of more than {largest // 1024} KB")
    return record


def _size(record: ProducerRecord) -> int:
    """Return the bytes of the unbounded parts: the value, the key, and the subject header, which repeats the key."""
    return len(record.value or b"") + 2 * len(record.key or b"")
