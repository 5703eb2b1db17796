"""SQS queues: receive, delete, change visibility, and the errors of single batch entries."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.connectors.aws.sqs_client import QueueUnavailableError, SqsClient
from headrace.schemas.aws_limits import BATCH_ENTRIES, SQS_VISIBILITY_SECONDS
from headrace.schemas.parsing import InvalidValueError, parse_int

__all__ = [
    "BATCH",
    "INVALID_RECEIPT_HANDLE",
    "BatchEntryError",
    "QueueAttributes",
    "QueueUnavailableError",
    "SqsMessage",
    "SqsQueue",
]

BATCH = BATCH_ENTRIES
RESPONSE_SECONDS = 20.0
"""Read timeout beyond the long poll."""

CONNECTIONS = 72
"""The maximum of `bridge_receivers`, and 8 for deletes and visibility extensions."""

MAX_TIMESTAMP_MS = 253_402_300_799_999
"""The end of the year 9999."""

INVALID_RECEIPT_HANDLE = "headrace-probe"
"""A receipt handle of no message, for permission checks."""

_EXPIRED = ("ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight")
_REGION = re.compile(r"https://sqs\.([a-z0-9-]+)\.amazonaws\.com")
_ATTRIBUTES = ["MessageGroupId", "ApproximateFirstReceiveTimestamp", "SentTimestamp"]
_QUEUE_ATTRIBUTES = ["VisibilityTimeout", "RedrivePolicy", "ApproximateNumberOfMessages"]


@dataclass(frozen=True, slots=True)
class SqsMessage:
    """A received message. `group` is the message group of a FIFO queue; `..._ms` are Unix times."""

    id: str
    receipt: str
    body: str
    group: str = ""
    first_received_ms: int = 0
    sent_ms: int = 0


@dataclass(frozen=True, slots=True)
class BatchEntryError:
    """A failed entry of a batch call. `expired`: the receipt handle is no longer valid, so a retry is useless."""

    message: SqsMessage
    reason: str
    expired: bool


@dataclass(frozen=True, slots=True)
class QueueAttributes:
    """The visibility timeout in seconds, whether the queue has a dead-letter queue of its own, and its messages.

    `messages` is the approximate number of those that wait.
    """

    visibility_timeout: int
    has_redrive_policy: bool
    messages: int = 0


class SqsQueue:
    """One SQS queue. Thread-safe. Every call raises `QueueUnavailableError` and nothing else."""

    def __init__(self, url: str, poll_seconds: int, fast_path: bool = True) -> None:
        self.url = url
        self._poll_seconds = poll_seconds
        # The URL names the region, which may differ from the default one.
        match = _REGION.match(url)
        self._sqs = SqsClient(match[1] if match else None, poll_seconds + RESPONSE_SECONDS, CONNECTIONS, fast_path)

    @property
    def is_fifo(self) -> bool:
        """Whether the queue is FIFO. A FIFO queue has one receiver, to keep the order."""
        return self.url.endswith(".fifo")

    def attributes(self) -> QueueAttributes:
        """Return the attributes that the bridge depends on."""
        response = self._call("GetQueueAttributes", AttributeNames=_QUEUE_ATTRIBUTES)
        attributes = response.get("Attributes", {})
        try:
            timeout = parse_int(attributes.get("VisibilityTimeout", 30), 0, SQS_VISIBILITY_SECONDS)
            messages = parse_int(attributes.get("ApproximateNumberOfMessages", 0))
        except InvalidValueError as error:
            raise QueueUnavailableError(f"unexpected attributes of the queue: {error}") from error
        return QueueAttributes(timeout, "RedrivePolicy" in attributes, messages)

    def check_permissions(self) -> None:
        """Check the delete and visibility permissions with an invalid receipt handle.

        Without them SQS would deliver every message again and again.
        """
        self._call("DeleteMessageBatch", Entries=[{"Id": "0", "ReceiptHandle": INVALID_RECEIPT_HANDLE}])
        self._call(
            "ChangeMessageVisibilityBatch",
            Entries=[{"Id": "0", "ReceiptHandle": INVALID_RECEIPT_HANDLE, "VisibilityTimeout": 0}],
        )

    def receive(self) -> list[SqsMessage]:
        """Receive up to ten messages by one long poll."""
        response = self._call(
            "ReceiveMessage",
            MaxNumberOfMessages=BATCH,
            WaitTimeSeconds=self._poll_seconds,
            MessageSystemAttributeNames=_ATTRIBUTES,
        )
        return [self._message(item) for item in response.get("Messages") or ()]

    def delete(self, messages: Sequence[SqsMessage]) -> list[BatchEntryError]:
        """Delete up to ten messages and return the failed entries."""
        entries = [{"Id": str(n), "ReceiptHandle": message.receipt} for n, message in enumerate(messages)]
        return _entry_errors(self._call("DeleteMessageBatch", Entries=entries), messages)

    def change_visibility(self, messages: Sequence[SqsMessage], seconds: int) -> list[BatchEntryError]:
        """Set the visibility timeout of up to ten messages and return the failed entries. 0 makes them visible."""
        entries = [
            {"Id": str(n), "ReceiptHandle": message.receipt, "VisibilityTimeout": seconds}
            for n, message in enumerate(messages)
        ]
        return _entry_errors(self._call("ChangeMessageVisibilityBatch", Entries=entries), messages)

    def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return self._sqs.call(operation, QueueUrl=self.url, **parameters)

    def _message(self, item: dict[str, Any]) -> SqsMessage:
        attributes = item.get("Attributes", {})
        # On a standard queue the group serves fairness, not order.
        group = attributes.get("MessageGroupId", "") if self.is_fifo else ""
        times = (_timestamp_ms(attributes, name) for name in ("ApproximateFirstReceiveTimestamp", "SentTimestamp"))
        return SqsMessage(item["MessageId"], item["ReceiptHandle"], item["Body"], group, *times)


def _timestamp_ms(attributes: Mapping[str, Any], name: str) -> int:
    try:
        return parse_int(attributes.get(name, 0), 0, MAX_TIMESTAMP_MS)
    except InvalidValueError:
        return 0


def _entry_errors(response: dict[str, Any], messages: Sequence[SqsMessage]) -> list[BatchEntryError]:
    """List the entries that failed or are missing from the response."""
    done = {entry["Id"] for entry in response.get("Successful") or ()}
    failed = {entry["Id"]: entry for entry in response.get("Failed") or ()}
    return [
        _entry_error(message, failed.get(str(number), {}))
        for number, message in enumerate(messages)
        if str(number) not in done
    ]


def _entry_error(message: SqsMessage, entry: dict[str, Any]) -> BatchEntryError:
    code = entry.get("Code", "")
    reason = f"{code}: {entry.get('Message', '')}" if entry else "missing from the SQS batch response"
    return BatchEntryError(message, reason, bool(entry.get("SenderFault")) or code in _EXPIRED)
