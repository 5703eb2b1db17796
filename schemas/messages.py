"""Kafka records as Headrace sends and receives them, and the error of a send."""

from __future__ import annotations

import msgspec

from headrace.schemas.cloudevents import Headers


class ProducerRecord(msgspec.Struct, frozen=True, gc=False):
    """A record to send."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class ConsumerRecord(msgspec.Struct, frozen=True, gc=False):
    """A record that was read. `timestamp` is the broker's, in seconds since 1970."""

    topic: str
    partition: int
    offset: int
    timestamp: float
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class SendError(Exception):
    """The broker did not acknowledge a record. `final` means that a retry cannot help: the record is too large."""

    def __init__(self, topic: str, reason: str, final: bool) -> None:
        super().__init__(f"{topic}: {reason}")
        self.reason = reason
        self.final = final
