"""The state machine of an SQS message that the bridge holds, and the counts of outcomes.

    received ──> pending ──> acknowledged ──> deleted
        │  └───────│────────────↑ │
        └──────────┴──────────────┴─────────> returned

    State         Meaning
    received      SQS delivered the message; its visibility timeout runs.
    pending       The producer holds its records. Their delivery reports decide the outcome.
    acknowledged  Kafka has every record, or there is none. The message may be deleted.
    deleted       SQS deleted the message.
    returned      SQS delivers the message again: a record failed, an earlier message of its FIFO group was returned,
                  the drain timed out, or SQS did not delete it. Its records have the same ids then.

The outcome (parsed, rejected, ignored or returned) is counted once, on the way to `acknowledged` or `returned`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class MessageState(Enum):
    """Where a message is between its receipt and its end."""

    RECEIVED = "received"
    PENDING = "pending"
    ACKNOWLEDGED = "acknowledged"
    DELETED = "deleted"
    RETURNED = "returned"


class MessageOutcome(Enum):
    """What a message is counted as. All but `RETURNED` are deleted."""

    PARSED = "parsed"
    REJECTED = "rejected"
    IGNORED = "ignored"
    RETURNED = "returned"


@dataclass(slots=True)
class BridgeCounts:
    """Messages by outcome: received = parsed + rejected + ignored + returned, once none is in flight."""

    received: int = 0
    parsed: int = 0
    rejected: int = 0
    ignored: int = 0
    returned: int = 0
    deleted: int = 0
    records: int = 0

    def add(self, outcome: MessageOutcome) -> None:
        """Count one outcome."""
        match outcome:
            case MessageOutcome.PARSED:
                self.parsed += 1
            case MessageOutcome.REJECTED:
                self.rejected += 1
            case MessageOutcome.IGNORED:
                self.ignored += 1
            case MessageOutcome.RETURNED:
                self.returned += 1
