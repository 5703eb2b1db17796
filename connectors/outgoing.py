"""What a message from a queue becomes on the log."""

from __future__ import annotations

from datetime import datetime

from connectors.aws_events import translate
from connectors.translation import Ignored, Refused
from schemas.codec import Codec
from schemas.message import Message, message

LARGEST_RECORD = 256 * 1024


def outgoing(body: bytes | str, received_at: datetime, book: Codec) -> tuple[Message, ...] | Ignored | Refused:
    """Give the records that a message tells of, ready to be sent. Never raises, whatever the message."""
    found = translate(body, received_at)
    if isinstance(found, Ignored | Refused):
        return found
    try:
        messages = tuple(message(event, envelope, book) for event, envelope in found.facts)
    except ValueError as error:  # a bug of ours, which must not hold up what comes behind it
        return Refused("ours", str(error))
    if any(_size(each) > LARGEST_RECORD for each in messages):
        return Refused("too_large", f"a record of more than {LARGEST_RECORD // 1024} KB")
    return messages


def _size(sent: Message) -> int:
    """Count what can be long: the value, the key, and the key again in the subject."""
    return len(sent.value or b"") + 2 * len(sent.key or b"")
