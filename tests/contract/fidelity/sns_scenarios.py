"""Scenarios of SNS: batches, confirmations, deliveries to SQS and HTTP, filter policies."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from queue import Queue
from typing import Any

from tests.contract.fidelity.local_aws import LocalAws, error_of, unique
from tests.contract.fidelity.scenario import Answers, Scenario
from tests.support.http_server import Request, Response, serving

PUBLISH = ("sns:PublishBatch",)
DELIVERY = ("SNS message to SQS",)
NUMBER = {"attr1": {"DataType": "Number", "StringValue": "99"}}
KIB = 2**10

Rejected = Callable[[LocalAws], Any]
"""Makes a call that is rejected, and returns the error."""


def topic_of(aws: LocalAws, fifo: bool = False) -> tuple[Any, str]:
    """Return a client and the ARN of a new topic."""
    sns = aws.client("sns")
    name, attributes = (unique() + ".fifo", {"FifoTopic": "true"}) if fifo else (unique(), {})
    return sns, sns.create_topic(Name=name, Attributes=attributes)["TopicArn"]


def entries(count: int, **members: Any) -> list[dict[str, Any]]:
    """Return the entries of a PublishBatch call."""
    return [{"Id": str(number), "Message": "Message", **members} for number in range(1, count + 1)]


def refused(batch: list[dict[str, Any]], fifo: bool = False) -> Rejected:
    """Return a function that publishes a batch to a new topic and returns the error."""

    def run(aws: LocalAws) -> Any:
        sns, topic = topic_of(aws, fifo)
        return error_of(sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=batch)

    return run


def rejections(
    test: str, runs: dict[str, Callable[[LocalAws], Any]], operations: tuple[str, ...] = PUBLISH
) -> Scenario:
    """Return a scenario of rejected calls."""
    return Scenario("sns", test, operations, tuple(runs), lambda aws: {name: run(aws) for name, run in runs.items()})


def missing_topic(aws: LocalAws) -> Any:
    """Publish to a topic that does not exist."""
    sns, topic = topic_of(aws)
    return error_of(sns.publish_batch, TopicArn=f"{topic}-missing", PublishBatchRequestEntries=entries(1))


def wrong_token(aws: LocalAws, token: str, suffix: str = "") -> Any:
    """Confirm a subscription with a wrong token."""
    sns, topic = topic_of(aws)
    return error_of(sns.confirm_subscription, TopicArn=topic + suffix, Token=token)


def subscribed(aws: LocalAws, **attributes: str) -> tuple[Any, str, Callable[[], Any]]:
    """Subscribe a queue; return a client, the topic, and a function that receives one message with its attributes."""
    sns, topic = topic_of(aws)
    queue, sqs = aws.queue(), aws.client("sqs")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes=attributes)

    def receive() -> Any:
        return sqs.receive_message(
            QueueUrl=queue.url, WaitTimeSeconds=5, MessageAttributeNames=["All"], AttributeNames=["All"]
        )

    return sns, topic, receive


def delivered(aws: LocalAws) -> Answers:
    """Publish a message with attributes to a raw subscription and to one that is not."""
    marks = {
        "an-attribute-key": {"DataType": "String", "StringValue": "an-attribute-value"},
        "binary-attribute": {"DataType": "Binary", "BinaryValue": b"\x02\x03\x04"},
    }
    found = {}
    for raw, name in (("true", "raw"), ("false", "json")):
        sns, topic, receive = subscribed(aws, RawMessageDelivery=raw)
        found[f"publish-msg-{name}"] = sns.publish(TopicArn=topic, Message="text", MessageAttributes=marks)
        found[f"{name}-delivery-msg-attrs"] = receive()
    return found


def batch(aws: LocalAws) -> Answers:
    """Publish a batch of five messages."""
    sns, topic = topic_of(aws)
    return {"publish-batch": sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries(5))}


def over_http(aws: LocalAws) -> Answers:
    """Subscribe an HTTP endpoint, confirm, publish, and return what the endpoint received."""
    requests: Queue[Request] = Queue()

    def answer(request: Request) -> Response:
        requests.put(request)
        return Response(200)

    with serving(answer) as url:
        sns, topic = topic_of(aws)
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=url)
        confirmation = requests.get(timeout=20)
        token = json.loads(confirmation.body)["Token"]
        sns.confirm_subscription(TopicArn=topic, Token=token)
        sns.publish(TopicArn=topic, Message="test_external_http_endpoint")
        message = requests.get(timeout=20)
    return {
        "subscription-confirmation": json.loads(confirmation.body),
        "http-confirm-sub-headers": headers(confirmation),
        "http-message": json.loads(message.body),
        "http-message-headers": headers(message),
    }


def headers(request: Request) -> dict[str, str]:
    """Return the headers of a request, spelled as in the recording."""
    return {name.title(): value for name, value in request.headers.items()}


def filtered(aws: LocalAws) -> Answers:
    """Publish messages inside and outside a filter policy of attributes."""
    policy = json.dumps({"attr1": [{"numeric": [">", 0, "<=", 100]}]})
    sns, topic = topic_of(aws)
    queue, sqs = aws.queue(), aws.client("sqs")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes={"FilterPolicy": policy})
    receive = partial(sqs.receive_message, QueueUrl=queue.url, VisibilityTimeout=0)
    found = {"messages-0": receive()}
    sns.publish(TopicArn=topic, Message="This is a test message", MessageAttributes=NUMBER)
    found["messages-1"] = receive(WaitTimeSeconds=5)
    outside = {"attr1": {"DataType": "Number", "StringValue": "111"}}
    sns.publish(TopicArn=topic, Message="This is another test message", MessageAttributes=outside)
    return found | {"messages-2": receive(WaitTimeSeconds=1)}


def filtered_by_body(aws: LocalAws) -> Answers:
    """Publish messages inside and outside a filter policy of the body."""
    policy = json.dumps({"object": {"key": [{"prefix": "auto-"}, "hardcodedvalue"]}})
    sns, topic = topic_of(aws)
    queue, sqs = aws.queue(), aws.client("sqs")
    attributes = {"FilterPolicy": policy, "FilterPolicyScope": "MessageBody", "RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes=attributes)
    receive = partial(sqs.receive_message, QueueUrl=queue.url)
    found = {"recv-init": receive()}
    for number, key in enumerate(("auto-test", "hardcodedvalue")):
        for each in ("other", key):
            sns.publish(TopicArn=topic, Message=json.dumps({"object": {"key": each}}))
        found[f"recv-passed-msg-{number}"] = receive(WaitTimeSeconds=5)
    return found


def invalid_policy(test: str, policies: dict[str, Any]) -> Scenario:
    """Return a scenario of subscriptions with invalid filter policies."""

    def run(aws: LocalAws) -> Answers:
        sns, topic = topic_of(aws)
        subscribe = partial(sns.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=aws.queue().arn)
        return {
            name: error_of(subscribe, Attributes={"FilterPolicy": json.dumps(policy)})
            for name, policy in policies.items()
        }

    return Scenario("sns_filter_policy", test, ("SNS filter policy",), tuple(policies), run)


SCENARIOS = (
    rejections(
        "test_publish_batch_exceptions",
        {
            "no-group-id": refused(entries(2), fifo=True),
            "too-many-msg": refused(entries(11)),
            "same-msg-id": refused(entries(1) * 2),
            "no-dedup-id": refused(entries(1, MessageGroupId="g"), fifo=True),
        },
    ),
    rejections("test_publish_batch_too_long_message", {"error-no-attrs": refused(entries(2, Message="a" * 130 * KIB))}),
    rejections("test_publish_batch_messages_without_topic", {"publish-batch-no-topic": missing_topic}),
    rejections(
        "test_publish_batch_invalid_entry_id",
        {
            "invalid-char-dot": refused([{"Id": "message.id", "Message": "m"}]),
            "id-too-long-81": refused([{"Id": "a" * 81, "Message": "m"}]),
        },
    ),
    rejections(
        "test_sns_confirm_subscription_wrong_token",
        {
            "topic-not-exists": partial(wrong_token, token="randomtoken", suffix="-missing"),
            "invalid-token": partial(wrong_token, token="51b2ff3edb475b7d91550e0ab6edf0c1de2a34e6ebaf6"),
            "token-not-exists": partial(wrong_token, token="randomtoken"),
        },
        ("sns:ConfirmSubscription",),
    ),
    Scenario("sns", "test_publish_batch_messages_from_sns_to_sqs", PUBLISH, ("publish-batch",), batch),
    Scenario(
        "sns",
        "test_message_attributes_not_missing",
        (*DELIVERY, "sns:Publish"),
        ("publish-msg-raw", "raw-delivery-msg-attrs", "publish-msg-json", "json-delivery-msg-attrs"),
        delivered,
    ),
    Scenario(
        "sns",
        "test_subscribe_external_http_endpoint[False]",
        ("SNS message to HTTP", "sns:ConfirmSubscription"),
        ("subscription-confirmation", "http-confirm-sub-headers", "http-message", "http-message-headers"),
        over_http,
    ),
    Scenario(
        "sns_filter_policy",
        "test_filter_policy",
        (*DELIVERY, "SNS filter policy"),
        ("messages-0", "messages-1", "messages-2"),
        filtered,
    ),
    Scenario(
        "sns_filter_policy",
        "test_filter_policy_on_message_body[True]",
        (*DELIVERY, "SNS filter policy"),
        ("recv-init", "recv-passed-msg-0", "recv-passed-msg-1"),
        filtered_by_body,
    ),
    invalid_policy(
        "test_validate_policy",
        {
            "error-condition-list": {"key": [["value"]]},
            "error-condition-operator": {"key": [{"wrong-operator": True}]},
            "error-condition-two-operators": {"key": [{"suffix": "value", "prefix": "value2"}]},
        },
    ),
    invalid_policy(
        "test_validate_policy_string_operators",
        {
            "error-condition-empty-array": {"key": []},
            "error-condition-is-numeric": {"key": [{"suffix": 100}]},
        },
    ),
)
