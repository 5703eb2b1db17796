"""Read and check the queues of the bridge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.console.aws_account.account_reader import AccountReader
from headrace.console.aws_account.required_permissions import AwsResources
from headrace.console.errors import CommandError
from headrace.schemas.parsing import InvalidValueError, parse_int, parse_json

MIN_VISIBILITY_SECONDS = 30
"""Shorter visibility timeouts let SQS redeliver messages before the bridge extends them."""

S3_EVENT_BYTES = 65_536
"""Maximum size of a notification of S3."""

DAY = 86_400


class QueueReader:
    """The queues of HEADRACE_QUEUE_URLS. Their attributes are read once."""

    def __init__(self, reader: AccountReader, resources: AwsResources) -> None:
        self._reader = reader
        self._urls = {resources.queue(url): url for url in resources.queue_urls}
        self._known: dict[str, Mapping[str, str]] = {}

    @property
    def arns(self) -> tuple[str, ...]:
        """Return the ARNs of the queues."""
        return tuple(self._urls)

    def attributes(self, arn: str) -> Mapping[str, str]:
        """Return the attributes of a queue."""
        if arn not in self._known:
            region = arn.split(":")[3]
            answer = self._reader.read(
                "sqs", "get_queue_attributes", region, QueueUrl=self._urls[arn], AttributeNames=["All"]
            )
            self._known[arn] = answer.get("Attributes", {})
        return self._known[arn]

    def check(self, arn: str) -> str:
        """Check the visibility timeout, the message size, the retention and the dead-letter queue of a queue."""
        found = self.attributes(arn)
        visibility = parse_int(found.get("VisibilityTimeout", "30"))
        size = parse_int(found.get("MaximumMessageSize", "262144"))
        days = parse_int(found.get("MessageRetentionPeriod", "345600")) / DAY
        wrong = []
        if visibility < MIN_VISIBILITY_SECONDS:
            wrong.append(f"visibility timeout is {visibility} s, use {MIN_VISIBILITY_SECONDS} s or more")
        if size < S3_EVENT_BYTES:
            wrong.append(f"maximum message size is {size} bytes, S3 sends up to {S3_EVENT_BYTES}")
        redrive = _redrive(found)
        if not redrive:
            wrong.append("it has no dead-letter queue: rejected messages are redelivered until they expire")
        if wrong:
            raise CommandError("; ".join(wrong))
        receives, target = redrive["maxReceiveCount"], str(redrive["deadLetterTargetArn"]).rpartition(":")[2]
        return f"visibility timeout {visibility} s, retention {days:g} days, after {receives} receives to {target}"


def _redrive(attributes: Mapping[str, str]) -> dict[str, Any]:
    try:
        found = parse_json(attributes.get("RedrivePolicy", "{}"))
    except InvalidValueError:
        return {}
    return found if isinstance(found, dict) and {"maxReceiveCount", "deadLetterTargetArn"} <= found.keys() else {}
