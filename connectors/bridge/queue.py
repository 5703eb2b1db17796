"""SQS queues: messages as they are handed out, and what a queue says when it refuses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headrace.connectors.aws.sqs_client import QueueUnavailableError, SqsClient

__all__ = [
    "BATCH",
    "INVALID_RECEIPT_HANDLE",
    "BatchEntryError",
    "QueueAttributes",
    "QueueUnavailableError",
    "SqsMessage",
    "SqsQueue",
]

BATCH = 10
ANSWER_SECONDS = 20.0
"""How long an answer may take beyond the poll."""

CONNECTIONS = 72
"""As many as there may be receivers, and some for deletes and heartbeats."""

INVALID_RECEIPT_HANDLE = "headrace-probe"
"""A receipt handle that belongs to no message."""

_GONE = ("ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight")
_REGION = re.compile(r"https://sqs\.([a-z0-9-]+)\.amazonaws\.com")
_ATTRIBUTES = ["MessageGroupId", "ApproximateFirstReceiveTimestamp"]


@dataclass(frozen=True, slots=True)
class SqsMessage:
    """A message as SQS handed it out. `group` is that of a FIFO queue; `first_received_ms` is since 1970."""

    id: str
    receipt: str
    body: str
    group: str = ""
    first_received_ms: int = 0


@dataclass(frozen=True, slots=True)
class BatchEntryError:
    """A message of a batch that SQS did not act on; `gone` when its handle has expired and trying again is useless."""

    delivery: SqsMessage
    why: str
    gone: bool


@dataclass(frozen=True, slots=True)
class QueueAttributes:
    """How long a message stays hidden once it was handed out, and whether one that comes again too often is moved."""

    visibility_timeout: int
    has_redrive_policy: bool


class SqsQueue:
    """One SQS queue. Safe to use from many threads. Everything raises `QueueUnavailable` and nothing else."""

    def __init__(self, url: str, poll_seconds: int) -> None:
        self.url = url
        self._poll_seconds = poll_seconds
        # A queue of another region than the default one says so in its URL.
        found = _REGION.match(url)
        self._sqs = SqsClient(found[1] if found else None, poll_seconds + ANSWER_SECONDS, CONNECTIONS)

    @property
    def is_fifo(self) -> bool:
        """Whether the queue keeps an order that one receiver at a time must not break."""
        return self.url.endswith(".fifo")

    def attributes(self) -> QueueAttributes:
        """Ask how the queue treats messages."""
        found = self._call("GetQueueAttributes", AttributeNames=["VisibilityTimeout", "RedrivePolicy"])
        attributes = found.get("Attributes", {})
        return QueueAttributes(int(attributes.get("VisibilityTimeout", 30)), "RedrivePolicy" in attributes)

    def check_permissions(self) -> None:
        """Delete and hide nothing, to see whether it is allowed. Without these rights messages come back for ever."""
        self._call("DeleteMessageBatch", Entries=[{"Id": "0", "ReceiptHandle": INVALID_RECEIPT_HANDLE}])
        self._call(
            "ChangeMessageVisibilityBatch",
            Entries=[{"Id": "0", "ReceiptHandle": INVALID_RECEIPT_HANDLE, "VisibilityTimeout": 0}],
        )

    def receive(self) -> list[SqsMessage]:
        """Wait for messages, one long poll at most, and take up to ten."""
        found = self._call(
            "ReceiveMessage",
            MaxNumberOfMessages=BATCH,
            WaitTimeSeconds=self._poll_seconds,
            MessageSystemAttributeNames=_ATTRIBUTES,
        )
        return [self._delivery(each) for each in found.get("Messages") or ()]

    def delete(self, deliveries: Sequence[SqsMessage]) -> list[BatchEntryError]:
        """Delete up to ten messages, and say which were not deleted."""
        entries = [{"Id": str(n), "ReceiptHandle": each.receipt} for n, each in enumerate(deliveries)]
        return _rejected(self._call("DeleteMessageBatch", Entries=entries), deliveries)

    def change_visibility(self, deliveries: Sequence[SqsMessage], seconds: int) -> list[BatchEntryError]:
        """Keep up to ten messages hidden for so long from now, and say which were not. 0 hands them out again."""
        entries = [
            {"Id": str(n), "ReceiptHandle": each.receipt, "VisibilityTimeout": seconds}
            for n, each in enumerate(deliveries)
        ]
        return _rejected(self._call("ChangeMessageVisibilityBatch", Entries=entries), deliveries)

    def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return self._sqs.call(operation, QueueUrl=self.url, **parameters)

    def _delivery(self, found: dict[str, Any]) -> SqsMessage:
        attributes = found.get("Attributes", {})
        # On a standard queue the group is a matter of fairness, not of order.
        group = attributes.get("MessageGroupId", "") if self.is_fifo else ""
        first = int(attributes.get("ApproximateFirstReceiveTimestamp", 0))
        return SqsMessage(found["MessageId"], found["ReceiptHandle"], found["Body"], group, first)


def _rejected(answer: dict[str, Any], deliveries: Sequence[SqsMessage]) -> list[BatchEntryError]:
    """List what was not acted on: what SQS says so of, and what it says nothing of."""
    done = {each["Id"] for each in answer.get("Successful") or ()}
    failed = {each["Id"]: each for each in answer.get("Failed") or ()}
    return [
        _refusal(each, failed.get(str(number), {})) for number, each in enumerate(deliveries) if str(number) not in done
    ]


def _refusal(delivery: SqsMessage, said: dict[str, Any]) -> BatchEntryError:
    code = said.get("Code", "")
    why = f"{code}: {said.get('Message', '')}" if said else "SQS says nothing of it"
    return BatchEntryError(delivery, why, bool(said.get("SenderFault")) or code in _GONE)
