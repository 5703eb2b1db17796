"""What a sink delivers, and how a delivery can fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FailureKind = Literal["outage", "throttled", "transient", "permanent"]
"""Outage: wait for the target. Throttled: wait, without an attempt. Transient: retry. Permanent: dead letter."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event for a target. `id` is the same on every attempt; deliveries with the same `key` are ordered."""

    id: str
    key: str
    body: str
    detail_type: str
    source: str


class DeliveryError(Exception):
    """The target did not accept a delivery. `code` is the target's own code; retry after `after` seconds."""

    def __init__(self, kind: FailureKind, code: str, why: str, after: float = 0.0) -> None:
        super().__init__(why)
        self.kind = kind
        self.code = code
        self.after = after
