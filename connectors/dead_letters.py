"""What AWS sent and nobody could read, as it came, with the reason."""

from __future__ import annotations

from datetime import datetime

from connectors.flight import Flight
from connectors.translation import Refused
from schemas import topics
from schemas.envelope import timestamp
from schemas.message import Message

LONGEST_REASON = 1000


def dead_letter(flight: Flight, refused: Refused, now: datetime) -> Message:
    """Write a message for `bridge.dlq`; its key is the message's id at SQS."""
    reason = {
        "dlq-stage": "bridge",
        "dlq-code": refused.code,
        "dlq-message": "".join(char if char.isprintable() else " " for char in refused.why)[:LONGEST_REASON],
        "dlq-first-failure": timestamp(now),
        "dlq-last-failure": timestamp(now),
        "dlq-queue": flight.source.queue.url,
        "dlq-sqs-message": flight.delivery.id,
    }
    headers = tuple((name, value.encode(errors="replace")) for name, value in reason.items())
    body = flight.delivery.body.encode(errors="surrogatepass")
    return Message(topics.BRIDGE_DLQ.name, flight.delivery.id.encode(), body, headers)
