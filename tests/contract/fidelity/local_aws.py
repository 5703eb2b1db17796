"""The local AWS as the scenarios use it: clients, resources with unique names, and what arrives in queues."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from tests.contract.ai import connect, wait_until


@dataclass(frozen=True, slots=True)
class LocalQueue:
    """A queue of one scenario."""

    url: str
    arn: str


@dataclass(frozen=True, slots=True)
class LocalAws:
    """The clients of the local AWS; the URLs of the AI services are of an endpoint with fast jobs and one with slow."""

    url: str
    ai_url: str
    slow_ai_url: str

    def client(self, service: str) -> Any:
        """Return a new client without retries."""
        return connect(service, self.ai_url if service == "transcribe" else self.url)

    def slow_client(self, service: str) -> Any:
        """Return a new client of an AI service whose jobs run for minutes."""
        return connect(service, self.slow_ai_url)

    def queue(self, **attributes: str) -> LocalQueue:
        """Create a queue; a FIFO one with `FifoQueue="true"`."""
        sqs = self.client("sqs")
        name = unique() + (".fifo" if attributes.get("FifoQueue") else "")
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return LocalQueue(url, arn)

    def messages(self, queue: LocalQueue, count: int) -> list[dict[str, Any]]:
        """Receive and delete `count` messages, without S3's test events."""
        sqs, found = self.client("sqs"), []

        def take() -> bool:
            answer = sqs.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", ()):
                sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])
                if "s3:TestEvent" not in message["Body"]:
                    found.append(message)
            return len(found) >= count

        wait_until(take, 20)
        return found

    def answer(self, queue: LocalQueue, **parameters: Any) -> Any:
        """Return the first answer of ReceiveMessage that has a message."""
        sqs = self.client("sqs")

        def received() -> Any:
            answer = sqs.receive_message(QueueUrl=queue.url, WaitTimeSeconds=5, **parameters)
            return answer if answer.get("Messages") else None

        return wait_until(received)

    def bodies(self, queue: LocalQueue, count: int) -> list[dict[str, Any]]:
        """Receive `count` messages and return their bodies, which are JSON objects."""
        return [json.loads(message["Body"]) for message in self.messages(queue, count)]


def unique() -> str:
    """Return a name that no other scenario uses."""
    return f"fidelity-{uuid4().hex}"


def error_of(call: Callable[..., object], **parameters: Any) -> Any:
    """Return the answer of a rejected call; null if the call succeeds."""
    try:
        call(**parameters)
    except ClientError as error:
        return error.response
    return None
