"""What SNS delivered over HTTPS and nobody could read, as it came, with the reason."""

from __future__ import annotations

from datetime import datetime

from headrace.connectors.events.dead_letters import LONGEST_REASON
from headrace.connectors.events.results import Refused
from headrace.connectors.webhook.sns_signature import SnsMessage
from headrace.schemas import topics
from headrace.schemas.cloudevents import timestamp
from headrace.schemas.messages import Message


def dead_letter(found: SnsMessage, body: bytes, refused: Refused, now: datetime) -> Message:
    """Write a message for `bridge.dlq`; its key is the message's id at SNS."""
    reason = {
        "dlq-stage": "bridge",
        "dlq-code": refused.code,
        "dlq-message": "".join(char if char.isprintable() else " " for char in refused.why)[:LONGEST_REASON],
        "dlq-first-failure": timestamp(now),
        "dlq-last-failure": timestamp(now),
        "dlq-topic-arn": found.topic_arn,
        "dlq-sns-message": found.id,
    }
    headers = tuple((name, value.encode(errors="replace")) for name, value in reason.items())
    return Message(topics.BRIDGE_DLQ.name, found.id.encode(), body, headers)
