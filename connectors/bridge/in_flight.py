"""SQS messages that the bridge holds, and their transitions; `message_states` draws the state machine.

In a FIFO group a decided message keeps its state until every earlier message of the group is decided.
`InFlightMessages` makes every transition and holds its lock for it, except received -> pending: the receiving thread
makes that one, before a delivery report can exist.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from headrace.connectors.bridge.message_states import BridgeCounts, MessageOutcome, MessageState
from headrace.connectors.bridge.queue import SqsMessage, SqsQueue


@dataclass(frozen=True, slots=True)
class QueueSourceState:
    """A queue and its visibility timeout in seconds."""

    queue: SqsQueue
    visibility_timeout: int


class FifoGroup:
    """The messages of one FIFO group in one receive call. Their outcomes take effect in order.

    Every message after a returned one is returned too, because its records would overtake those of the returned one.
    """

    __slots__ = ("_messages", "_returning")

    def __init__(self) -> None:
        self._messages: deque[InFlightMessage] = deque()
        self._returning = False

    def add(self, message: InFlightMessage) -> None:
        """Append a message to the group."""
        self._messages.append(message)

    def advance(self) -> list[InFlightMessage]:
        """Remove and settle the decided messages at the head of the group; return them."""
        settled = []
        while self._messages and self._messages[0].outcome is not None:
            message = self._messages.popleft()
            if self._returning:
                message.outcome = MessageOutcome.RETURNED
            message.settle()
            self._returning = message.state is MessageState.RETURNED
            settled.append(message)
        return settled


class InFlightMessage:
    """One message in flight. `visible_at` is when SQS would deliver it again, on the monotonic clock."""

    __slots__ = ("_failed", "_reports", "fifo_group", "outcome", "records", "source", "sqs", "state", "visible_at")

    def __init__(self, source: QueueSourceState, sqs: SqsMessage, group: FifoGroup | None, now: float) -> None:
        self.source = source
        self.sqs = sqs
        self.fifo_group = group
        self.visible_at = now + source.visibility_timeout
        self.state = MessageState.RECEIVED
        self.outcome: MessageOutcome | None = None
        self.records = 0
        self._reports = 0
        self._failed = False
        if group is not None:
            group.add(self)

    def expect_records(self, records: int) -> None:
        """Enter `pending`: wait for `records` delivery reports. Call before the first record is produced."""
        self.records = self._reports = records
        self.state = MessageState.PENDING

    def report(self, outcome: MessageOutcome, acknowledged: bool) -> MessageOutcome | None:
        """Count one delivery report. Returns the outcome after the last one, None before it."""
        self._reports -= 1
        if not acknowledged:
            self._failed = True
        if self._reports:
            return None
        return MessageOutcome.RETURNED if self._failed else outcome

    def settle(self) -> None:
        """Enter the state that follows from the outcome: `acknowledged` or `returned`."""
        returned = self.outcome is MessageOutcome.RETURNED
        self.state = MessageState.RETURNED if returned else MessageState.ACKNOWLEDGED

    def finish(self, deleted: bool) -> None:
        """Enter `deleted` or `returned`. The outcome stays."""
        self.state = MessageState.DELETED if deleted else MessageState.RETURNED

    def extend_visibility(self, visible_at: float) -> None:
        """Note until when the message stays invisible."""
        self.visible_at = visible_at


class DeliveryReport(NamedTuple):
    """Delivery report for one record of an SQS message. `outcome` holds if every record is acknowledged."""

    message: InFlightMessage
    outcome: MessageOutcome
    acknowledged: bool


class InFlightMessages:
    """The messages in flight, at most `limit`, and the counts. Thread-safe.

    `on_acknowledged` is called with messages that entered `acknowledged`.
    """

    def __init__(self, limit: int, on_acknowledged: Callable[[Sequence[InFlightMessage]], None]) -> None:
        self._limit = limit
        self._on_acknowledged = on_acknowledged
        # Messages compare by identity; a dict keeps them in the order of their receipt.
        self._messages: dict[InFlightMessage, None] = {}
        self._reserved = 0
        self._changed = threading.Condition()
        self._closed = False
        self.counts = BridgeCounts()

    def reserve(self, count: int) -> bool:
        """Wait for room for `count` messages and reserve it. Returns False once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._taken() + count <= self._limit)
            self._reserved += 0 if self._closed else count
            return not self._closed

    def add(
        self, source: QueueSourceState, received: Sequence[SqsMessage], reserved: int, now: float
    ) -> list[InFlightMessage]:
        """Add the messages of one receive call and release its reservation. Adds none once closed."""
        groups: dict[str, FifoGroup] = {}
        with self._changed:
            self._reserved -= reserved
            self._changed.notify_all()
            if self._closed:
                return []
            messages = [
                InFlightMessage(source, sqs, groups.setdefault(sqs.group, FifoGroup()) if sqs.group else None, now)
                for sqs in received
            ]
            self.counts.received += len(messages)
            self._messages.update(dict.fromkeys(messages))
            return messages

    def handle_reports(self, reports: Iterable[DeliveryReport]) -> None:
        """Apply delivery reports. One lock for all of them: a lock for each would slow the receiving threads."""
        settled: list[InFlightMessage] = []
        with self._changed:
            for message, outcome, acknowledged in reports:
                decided = message.report(outcome, acknowledged)
                if decided is not None:
                    settled += self._decide(message, decided)
        self._notify(settled)

    def decide(self, message: InFlightMessage, outcome: MessageOutcome) -> None:
        """Decide the outcome of a message without records. Does nothing for one that is no longer in flight."""
        with self._changed:
            settled = self._decide(message, outcome)
        self._notify(settled)

    def remove(self, messages: Iterable[InFlightMessage], deleted: bool) -> None:
        """Remove acknowledged messages that SQS deleted, or did not."""
        with self._changed:
            for message in messages:
                if message in self._messages:
                    del self._messages[message]
                    message.finish(deleted)
                    self.counts.deleted += deleted
            self._changed.notify_all()

    def close(self) -> None:
        """Accept no more messages."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def drain(self, seconds: float) -> None:
        """Wait at most `seconds` until no message is in flight, then return the undecided ones to their queues."""
        with self._changed:
            self._changed.wait_for(lambda: not self._messages, seconds)
            for message in self._messages:
                if message.state is not MessageState.ACKNOWLEDGED:
                    message.finish(deleted=False)
                    self.counts.add(MessageOutcome.RETURNED)
            self._messages.clear()

    def snapshot(self) -> list[InFlightMessage]:
        """List the messages in flight, the oldest first."""
        with self._changed:
            return list(self._messages)

    def _decide(self, message: InFlightMessage, outcome: MessageOutcome) -> list[InFlightMessage]:
        """Decide an outcome and return the messages that it settles."""
        if message not in self._messages:
            return []
        message.outcome = outcome
        if message.fifo_group is None:
            message.settle()
            settled = [message]
        else:
            settled = message.fifo_group.advance()
        for each in settled:
            self._count(each)
        return settled

    def _count(self, message: InFlightMessage) -> None:
        self.counts.add(message.outcome or MessageOutcome.RETURNED)
        if message.state is MessageState.RETURNED:
            del self._messages[message]
            self._changed.notify_all()
        else:
            self.counts.records += message.records

    def _notify(self, settled: Iterable[InFlightMessage]) -> None:
        acknowledged = [message for message in settled if message.state is MessageState.ACKNOWLEDGED]
        if acknowledged:
            self._on_acknowledged(acknowledged)

    def _taken(self) -> int:
        return len(self._messages) + self._reserved
