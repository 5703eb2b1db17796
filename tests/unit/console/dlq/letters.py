"""Dead letters for tests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from headrace.schemas.cloudevents import timestamp
from headrace.schemas.messages import ConsumerRecord
from tests.support.records import NOW

AT = NOW.timestamp()


def a_letter(*headers: tuple[str, bytes | None], topic: str = "probe.dlq", **changes: Any) -> ConsumerRecord:
    """Return a dead letter with these headers."""
    given = {"partition": 1, "offset": 7, "timestamp": 5.0, "key": b"media/photos/cat.jpg", "value": b"v"}
    return ConsumerRecord(topic=topic, headers=headers, **{**given, **changes})


def failed(event: str, offset: int, code: str = "timeout", why: str = "took 300 s", **changes: Any) -> ConsumerRecord:
    """Return a dead letter that failed `offset` seconds after the start time."""
    return a_letter(
        ("ce_id", event.encode()),
        ("dlq-code", code.encode()),
        ("dlq-class", b"Transient"),
        ("dlq-message", why.encode()),
        ("dlq-attempts", b"8"),
        ("dlq-last-failure", timestamp(NOW + timedelta(seconds=offset)).encode()),
        **{"offset": offset, "timestamp": AT + offset, **changes},
    )
