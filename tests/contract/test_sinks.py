"""Tests of the sinks with the local AWS: delivery, deduplication and error kinds."""

from __future__ import annotations

import asyncio
import io
import json
import os
import zipfile
from typing import Any
from uuid import uuid4

import pytest

from headrace.connectors.aws.client import AwsSession
from headrace.connectors.sinks.base import InvalidTargetError
from headrace.connectors.sinks.registry import create_sink
from headrace.schemas.delivery import Delivery, DeliveryError
from tests.contract.ai import connect, wait_until

pytestmark = pytest.mark.system

HANDLER = """
import boto3, os
def handler(event, context):
    if event.get("fail"):
        raise ValueError("requested failure")
    return {"got": event["n"]}
"""


@pytest.fixture(autouse=True)
def local(emulator_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connect the sinks to the local AWS."""
    for name in [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL_")]:
        monkeypatch.delenv(name)  # of a cluster that other tests have
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")


class Queue:
    """A queue of one test."""

    def __init__(self, url: str, fifo: bool = False) -> None:
        self.sqs: Any = connect("sqs", url)
        attributes = {"FifoQueue": "true"} if fifo else {}
        self.name = f"sinks-{uuid4()}" + (".fifo" if fifo else "")
        self.url = self.sqs.create_queue(QueueName=self.name, Attributes=attributes)["QueueUrl"]
        wanted = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        self.arn: str = wanted["Attributes"]["QueueArn"]

    def messages(self, count: int) -> list[dict[str, Any]]:
        """Receive `count` messages and check that the queue is then empty."""
        found: list[dict[str, Any]] = []

        def take() -> bool:
            answer = self.sqs.receive_message(
                QueueUrl=self.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
            )
            for message in answer.get("Messages", []):
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
                found.append(message)
            return len(found) >= count

        wait_until(take)
        take()
        assert len(found) == count
        return found


@pytest.fixture
def queue(emulator_url: str) -> Queue:
    return Queue(emulator_url)


def delivery(number: int, key: str = "media/cat.jpg") -> Delivery:
    return Delivery(f"id-{number}", key, json.dumps({"n": number}), "MediaReady", "headrace/ready")


async def deliver(kind: str, address: str, *wanted: Delivery, **settings: object) -> list[BaseException | None]:
    sink = create_sink(kind, address, settings, AwsSession())
    return await asyncio.gather(*(sink(each) for each in wanted), return_exceptions=True)


async def test_queue_receives_body_and_attributes(queue: Queue) -> None:
    assert await deliver("sqs", queue.arn, *map(delivery, range(12))) == [None] * 12
    found = queue.messages(12)
    assert sorted(json.loads(message["Body"])["n"] for message in found) == list(range(12))
    marks = found[0]["MessageAttributes"]
    assert marks["detail-type"]["StringValue"] == "MediaReady"


@pytest.mark.each_emulator
async def test_fifo_queue_keeps_key_order_and_deduplicates(emulator_url: str) -> None:
    queue = Queue(emulator_url, fifo=True)
    for _ in range(2):
        for number in range(5):
            assert await deliver("sqs", queue.arn, delivery(number)) == [None]
    assert [json.loads(message["Body"])["n"] for message in queue.messages(5)] == list(range(5))


async def test_missing_queue_is_a_permanent_failure() -> None:
    [failure] = await deliver("sqs", "arn:aws:sqs:us-east-1:000000000000:nobody", delivery(1))
    assert isinstance(failure, DeliveryError)
    assert failure.kind == "permanent"
    assert "NonExistentQueue" in failure.code


@pytest.mark.each_emulator
async def test_topic_receives_attributes_for_subscription_filters(emulator_url: str, queue: Queue) -> None:
    sns: Any = connect("sns", emulator_url)
    topic = sns.create_topic(Name=f"sinks-{uuid4()}")["TopicArn"]
    policy = json.dumps({"detail-type": ["MediaReady"]})
    attributes = {"FilterPolicy": policy, "RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes=attributes)
    other = Delivery("id-x", "k", "{}", "MediaScanned", "headrace/scan")
    assert await deliver("sns", topic, delivery(1), delivery(2), other) == [None] * 3
    assert sorted(json.loads(message["Body"])["n"] for message in queue.messages(2)) == [1, 2]


@pytest.mark.each_emulator
async def test_event_bus_receives_events_with_headrace_as_source(emulator_url: str, queue: Queue) -> None:
    events: Any = connect("events", emulator_url)
    name = f"sinks-{uuid4()}"
    bus = events.create_event_bus(Name=name)["EventBusArn"]
    events.put_rule(Name="all", EventBusName=name, EventPattern=json.dumps({"source": ["headrace"]}))
    events.put_targets(Rule="all", EventBusName=name, Targets=[{"Id": "q", "Arn": queue.arn}])
    assert await deliver("eventbridge", bus, *map(delivery, range(3))) == [None] * 3
    found = [json.loads(message["Body"]) for message in queue.messages(3)]
    assert {each["detail-type"] for each in found} == {"MediaReady"}
    assert sorted(each["detail"]["n"] for each in found) == [0, 1, 2]


@pytest.mark.moto_lacks("it runs functions in Docker only")
async def test_function_error_is_a_delivery_failure(emulator_url: str) -> None:
    functions: Any = connect("lambda", emulator_url)
    name = f"sinks-{uuid4().hex[:8]}"
    functions.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role="arn:aws:iam::000000000000:role/r",
        Handler="index.handler",
        Code={"ZipFile": zipped(HANDLER)},
    )
    wait_until(lambda: functions.get_function(FunctionName=name)["Configuration"].get("State", "Active") == "Active")
    bad = Delivery("id", "k", json.dumps({"fail": True}), "t", "s")
    good, failed = await deliver("lambda", name, delivery(7), bad, wait=True)
    assert good is None
    assert isinstance(failed, DeliveryError)
    assert (failed.kind, failed.code) == ("transient", "function_error")
    assert await deliver("lambda", name, delivery(7)) == [None]
    [missing] = await deliver("lambda", "missing", delivery(7))
    assert isinstance(missing, DeliveryError)
    assert (missing.kind, missing.code) == ("permanent", "ResourceNotFoundException")


def zipped(source: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("index.py", source)
    return file.getvalue()


async def test_unreachable_target_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    [failure] = await deliver("sns", "arn:aws:sns:us-east-1:000000000000:t", delivery(1))
    assert isinstance(failure, DeliveryError)
    assert failure.kind == "outage"


@pytest.mark.parametrize(
    ("kind", "address", "settings"),
    [
        ("sns", "arn:aws:sqs:us-east-1:000000000000:q", {}),
        ("sqs", "https://sqs.us-east-1.amazonaws.com/000000000000/q", {}),
        ("sqs", "arn:aws:sqs:us-east-1:000000000000:q", {"group": "a"}),
        ("eventbridge", "bus", {"source": "aws.s3"}),
        ("lambda", "f", {"wait": "yes"}),
    ],
)
def test_rejects_addresses_of_another_kind(kind: str, address: str, settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidTargetError):
        create_sink(kind, address, settings, AwsSession())
