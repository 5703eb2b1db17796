"""The door to boto3: SQS queues, and what they say when they refuse."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

BATCH = 10
POLL_SECONDS = 10
GONE = ("ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight")
NOBODY = "headrace-probe"
"""A receipt handle that belongs to no message."""

_REGION = re.compile(r"https://sqs\.([a-z0-9-]+)\.amazonaws\.com")


class QueueUnavailable(Exception):
    """SQS did not do what it was asked to; the text says what it said."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as SQS handed it out. `group` is that of a FIFO queue; `first_received_ms` is since 1970."""

    id: str
    receipt: str
    body: str
    group: str = ""
    first_received_ms: int = 0


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message of a batch that SQS did not act on; `gone` when its handle has expired and trying again is useless."""

    delivery: Delivery
    why: str
    gone: bool


class Queue:
    """One SQS queue. Safe to use from many threads. Everything raises `QueueUnavailable` and nothing else."""

    def __init__(self, url: str, connections: int) -> None:
        self.url = url
        config = Config(
            connect_timeout=5,
            read_timeout=POLL_SECONDS + 20,
            max_pool_connections=connections,
            retries={"total_max_attempts": 2, "mode": "standard"},
        )
        found = _REGION.match(url)
        try:
            # A queue of another region than the default one says so in its URL.
            self._sqs: Any = boto3.client("sqs", config=config, region_name=found[1] if found else None)
        except BotoCoreError as error:
            raise QueueUnavailable(str(error)) from error

    @property
    def is_fifo(self) -> bool:
        """Whether the queue keeps an order that one receiver at a time must not break."""
        return self.url.endswith(".fifo")

    def visibility_seconds(self) -> int:
        """How long a message stays hidden after it was handed out."""
        found = self._call("get_queue_attributes", AttributeNames=["VisibilityTimeout"])
        return int(found.get("Attributes", {}).get("VisibilityTimeout", 30))

    def try_delete(self) -> None:
        """Delete nothing, to see whether it is allowed. Without that right every message would come back for ever."""
        self._call("delete_message_batch", Entries=[{"Id": "0", "ReceiptHandle": NOBODY}])

    def receive(self) -> list[Delivery]:
        """Wait for messages, ten seconds at most, and take up to ten."""
        found = self._call(
            "receive_message",
            MaxNumberOfMessages=BATCH,
            WaitTimeSeconds=POLL_SECONDS,
            MessageSystemAttributeNames=["MessageGroupId", "ApproximateFirstReceiveTimestamp"],
        )
        return [self._delivery(each) for each in found.get("Messages", ())]

    def delete(self, deliveries: Sequence[Delivery]) -> list[Rejected]:
        """Delete up to ten messages, and say which were not deleted."""
        entries = [{"Id": str(n), "ReceiptHandle": each.receipt} for n, each in enumerate(deliveries)]
        return _rejected(self._call("delete_message_batch", Entries=entries), deliveries)

    def hide(self, deliveries: Sequence[Delivery], seconds: int) -> list[Rejected]:
        """Keep up to ten messages hidden for so long from now, and say which were not. 0 hands them out again."""
        entries = [
            {"Id": str(n), "ReceiptHandle": each.receipt, "VisibilityTimeout": seconds}
            for n, each in enumerate(deliveries)
        ]
        return _rejected(self._call("change_message_visibility_batch", Entries=entries), deliveries)

    def _delivery(self, found: dict[str, Any]) -> Delivery:
        attributes = found.get("Attributes", {})
        # On a standard queue the group is a matter of fairness, not of order.
        group = attributes.get("MessageGroupId", "") if self.is_fifo else ""
        first = int(attributes.get("ApproximateFirstReceiveTimestamp", 0))
        return Delivery(found["MessageId"], found["ReceiptHandle"], found["Body"], group, first)

    def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._sqs, operation)(QueueUrl=self.url, **parameters)
        except (ClientError, BotoCoreError, ResponseParserError) as error:
            raise QueueUnavailable(str(error)) from error
        return answer


def _rejected(answer: dict[str, Any], deliveries: Sequence[Delivery]) -> list[Rejected]:
    return [
        Rejected(deliveries[int(each["Id"])], f"{each['Code']}: {each.get('Message', '')}", each["Code"] in GONE)
        for each in answer.get("Failed", ())
    ]


class NotConfirmed(Exception):
    """SNS did not confirm a subscription; the text names its reason, and never the token."""


def confirm_subscription(topic_arn: str, token: str) -> None:
    """Begin to receive what a topic publishes. From then on only who is signed in can end it, not who knows an address.

    Raises `NotConfirmed`. Source: Amazon SNS API Reference, "ConfirmSubscription".
    """
    config = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 1, "mode": "standard"})
    try:
        sns: Any = boto3.client("sns", region_name=topic_arn.split(":")[3], config=config)
        sns.confirm_subscription(TopicArn=topic_arn, Token=token, AuthenticateOnUnsubscribe="true")
    except ClientError as error:
        raise NotConfirmed(error.response.get("Error", {}).get("Code", "ClientError")) from None
    except BotoCoreError as error:
        raise NotConfirmed(type(error).__name__) from None
