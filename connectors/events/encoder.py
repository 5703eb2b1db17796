"""What a message from a queue becomes on the log."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from headrace.connectors.events.parser import translate
from headrace.connectors.events.results import Fact, Ignored, Refused
from headrace.schemas.messages import Message
from headrace.schemas.serde.codec import Codec, message

LARGEST_RECORD = 256 * 1024


def outgoing(body: bytes | str, received_at: datetime, book: Codec) -> tuple[Message, ...] | Ignored | Refused:
    """Give the records that a message tells of, ready to be sent. Never raises, whatever the message.

    Of a message that is refused in part, `readable` gives the other records.
    """
    found = translate(body, received_at)
    if isinstance(found, Ignored):
        return found
    messages, facts = [], []
    refused = found if isinstance(found, Refused) else None
    for fact in found.facts:
        sent = _encoded(fact, book)
        if isinstance(sent, Message):
            messages.append(sent)
            facts.append(fact)
        else:
            refused = refused or sent
    return replace(refused, facts=tuple(facts)) if refused else tuple(messages)


def readable(refused: Refused, book: Codec) -> tuple[Message, ...]:
    """Give the records of those parts of a message that `outgoing` could read, ready to be sent."""
    return tuple(message(*fact, book) for fact in refused.facts)


def _encoded(fact: Fact, book: Codec) -> Message | Refused:
    try:
        sent = message(*fact, book)
    except ValueError as error:  # a bug of ours, which must not hold up what comes behind it
        return Refused("ours", str(error))
    if _size(sent) > LARGEST_RECORD:
        return Refused("too_large", f"a record of more than {LARGEST_RECORD // 1024} KB")
    return sent


def _size(sent: Message) -> int:
    """Count what can be long: the value, the key, and the key again in the subject."""
    return len(sent.value or b"") + 2 * len(sent.key or b"")
