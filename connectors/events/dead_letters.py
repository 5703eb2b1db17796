"""Records for `bridge.dlq`: unparseable messages, unchanged, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from headrace.connectors.events.results import Rejected
from headrace.schemas import topics
from headrace.schemas.cloudevents import timestamp
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.safe_text import header_text


def rejected_message(
    id_: str, body: bytes, rejected: Rejected, failed_at: tuple[datetime, datetime], origin: Mapping[str, str]
) -> ProducerRecord:
    """Build the dead letter of a message, with its id as the key.

    `failed_at` holds the first and the last failure; `origin` holds the headers of its origin.
    The reason is redacted, escaped, and at most 1,000 characters long.
    """
    first, last = failed_at
    values = {
        "dlq-stage": "bridge",
        "dlq-code": rejected.code,
        "dlq-message": header_text(rejected.reason),
        "dlq-first-failure": timestamp(first),
        "dlq-last-failure": timestamp(last),
        **origin,
    }
    headers = tuple((name, value.encode(errors="replace")) for name, value in values.items())
    return ProducerRecord(topics.BRIDGE_DLQ.name, id_.encode(), body, headers)
