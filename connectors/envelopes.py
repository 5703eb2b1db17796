"""Envelopes of events that begin at AWS."""

from __future__ import annotations

import hashlib
from datetime import datetime

from schemas import topics
from schemas.envelope import PREFIX, Envelope, timestamp
from schemas.records import Event


def envelope(event: Event, id_: str, source: str, moment: datetime) -> Envelope:
    """Address an event from outside. Its trace begins with it, and is the same however often it is delivered."""
    digest = hashlib.sha256(id_.encode()).hexdigest()
    return Envelope(
        id=id_,
        source=source,
        type=PREFIX + event.EVENT,
        time=timestamp(moment),
        subject=topics.subject_of(event),
        traceparent=f"00-{digest[:32]}-{digest[32:48]}-01",
    )
