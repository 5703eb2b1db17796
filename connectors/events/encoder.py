"""What a message from a queue becomes on the log."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from headrace.connectors.events.parser import parse_message
from headrace.connectors.events.results import EventWithMetadata, Ignored, Rejected
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.serde.codec import Codec, to_producer_record

LARGEST_RECORD = 256 * 1024


def encode_message(
    body: bytes | str, received_at: datetime, book: Codec
) -> tuple[ProducerRecord, ...] | Ignored | Rejected:
    """Give the records that a message tells of, ready to be sent. Never raises, whatever the message.

    Of a message that is refused in part, `readable` gives the other records.
    """
    found = parse_message(body, received_at)
    if isinstance(found, Ignored):
        return found
    messages, events = [], []
    refused = found if isinstance(found, Rejected) else None
    for event in found.events:
        sent = _encoded(event, book)
        if isinstance(sent, ProducerRecord):
            messages.append(sent)
            events.append(event)
        else:
            refused = refused or sent
    return replace(refused, events=tuple(events)) if refused else tuple(messages)


def encode_valid_parts(refused: Rejected, book: Codec) -> tuple[ProducerRecord, ...]:
    """Give the records of those parts of a message that `outgoing` could read, ready to be sent."""
    return tuple(to_producer_record(*fact, book) for fact in refused.events)


def _encoded(fact: EventWithMetadata, book: Codec) -> ProducerRecord | Rejected:
    try:
        sent = to_producer_record(*fact, book)
    except ValueError as error:  # a bug of ours, which must not hold up what comes behind it
        return Rejected("internal_error", str(error))
    if _size(sent) > LARGEST_RECORD:
        return Rejected("too_large", f"a record of more than {LARGEST_RECORD // 1024} KB")
    return sent


def _size(sent: ProducerRecord) -> int:
    """Count what can be long: the value, the key, and the key again in the subject."""
    return len(sent.value or b"") + 2 * len(sent.key or b"")
