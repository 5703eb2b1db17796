"""What AWS sent and nobody could read, as it came, with the reason."""

from __future__ import annotations

from datetime import datetime, timedelta

from headrace.connectors.bridge.queue import Delivery
from headrace.connectors.events.decoding import EPOCH
from headrace.connectors.events.results import Refused
from headrace.schemas import topics
from headrace.schemas.cloudevents import timestamp
from headrace.schemas.messages import Message
from headrace.schemas.redaction import redacted

LONGEST_REASON = 1000


def dead_letter(delivery: Delivery, queue_url: str, refused: Refused, now: datetime) -> Message:
    """Write a message for `bridge.dlq`; its key is the message's id at SQS."""
    first = delivery.first_received_ms
    reason = {
        "dlq-stage": "bridge",
        "dlq-code": refused.code,
        "dlq-message": "".join(char if char.isprintable() else " " for char in redacted(refused.why))[:LONGEST_REASON],
        "dlq-first-failure": timestamp(EPOCH + timedelta(milliseconds=first) if first else now),
        "dlq-last-failure": timestamp(now),
        "dlq-queue": queue_url,
        "dlq-sqs-message": delivery.id,
    }
    headers = tuple((name, value.encode(errors="replace")) for name, value in reason.items())
    # A JSON escape can put half a surrogate pair into the text; what came must be written all the same.
    body = delivery.body.encode(errors="surrogatepass")
    return Message(topics.BRIDGE_DLQ.name, delivery.id.encode(), body, headers)
