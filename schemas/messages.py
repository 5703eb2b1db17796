"""A record on its way to Kafka, and one that came from there."""

from __future__ import annotations

import msgspec

from headrace.schemas.cloudevents import Headers


class ProducerRecord(msgspec.Struct, frozen=True, gc=False):
    """What a producer sends: a topic, a key, a value and headers, all as Kafka has them."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class ConsumerRecord(msgspec.Struct, frozen=True, gc=False):
    """What a consumer got, and from where. `timestamp` is the broker's, in seconds."""

    topic: str
    partition: int
    offset: int
    timestamp: float
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
