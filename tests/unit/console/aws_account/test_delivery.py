"""The way of events to the bridge: notifications, topics, rules, queues and their policies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headrace.connectors.bridge_sources.resource_policy import allows
from headrace.console.aws_account.account_reader import AccountReader
from headrace.console.aws_account.delivery import DeliveryChecks
from headrace.console.aws_account.queues import QueueReader
from headrace.console.check_runner import Skipped
from headrace.console.errors import CommandError
from tests.unit.console.aws_account.fake_account import ACCOUNT, QUEUE, RESOURCES, TOPIC, FakeAccount, denied

BUCKET = "arn:aws:s3:::media"
RULE = f"arn:aws:events:eu-central-1:{ACCOUNT}:rule/uploads"
CREATED = ["s3:ObjectCreated:*"]
BOTH = [*CREATED, "s3:ObjectRemoved:*"]


def statement(service: str, source: str, effect: str = "Allow", **conditions: Any) -> dict[str, Any]:
    return {
        "Effect": effect,
        "Principal": {"Service": service},
        "Action": ["sqs:SendMessage"],
        "Resource": QUEUE,
        "Condition": conditions or {"ArnEquals": {"aws:SourceArn": source}},
    }


ADMITS = [
    statement("s3.amazonaws.com", BUCKET),
    statement("sns.amazonaws.com", TOPIC),
    statement("events.amazonaws.com", f"arn:aws:events:eu-central-1:{ACCOUNT}:rule/*", ArnLike={"aws:SourceArn": RULE}),
]
REDRIVE = json.dumps({"maxReceiveCount": 10, "deadLetterTargetArn": f"{QUEUE}-dlq"})


def account(notification: dict[str, Any], statements: Any = ADMITS, **attributes: str) -> FakeAccount:
    policy = json.dumps({"Statement": statements})
    found = {"Policy": policy, "RedrivePolicy": REDRIVE, "VisibilityTimeout": "30", **attributes}
    pattern = json.dumps({"source": ["aws.s3", "aws.transcribe"], "detail-type": ["Object Created"]})
    return FakeAccount(
        {
            "s3.get_bucket_notification_configuration": notification,
            "sqs.get_queue_attributes": {"Attributes": found},
            "sns.list_subscriptions_by_topic": {"Subscriptions": [{"Protocol": "sqs", "Endpoint": QUEUE}]},
            "events.list_rule_names_by_target": {"RuleNames": ["uploads"]},
            "events.describe_rule": {"State": "ENABLED", "EventPattern": pattern},
        }
    )


def delivery(aws: FakeAccount) -> DeliveryChecks:
    reader = AccountReader(aws, "eu-central-1")
    return DeliveryChecks(reader, RESOURCES, QueueReader(reader, RESOURCES))


def test_notification_to_the_queue_names_its_filter() -> None:
    rules = {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "in/"}]}}
    found = {"QueueConfigurations": [{"QueueArn": QUEUE, "Events": BOTH, "Filter": rules}]}
    assert delivery(account(found)).notification() == "events (only prefix in/)"


def test_notification_through_a_topic_and_a_rule() -> None:
    found = {"TopicConfigurations": [{"TopicArn": TOPIC, "Events": CREATED}], "EventBridgeConfiguration": {}}
    message = delivery(account(found)).notification()
    assert message.startswith("topic AmazonRekognition-jobs -> events; EventBridge rule uploads -> events")
    assert "deletions are not notified" in message
    assert "arrive more than once" in message


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"QueueConfigurations": [{"QueueArn": f"{QUEUE}-other", "Events": BOTH}]},
        {"QueueConfigurations": [{"QueueArn": QUEUE, "Events": ["s3:ObjectRemoved:*"]}]},
    ],
)
def test_uploads_that_reach_no_queue_fail(found: dict[str, Any]) -> None:
    with pytest.raises(CommandError, match="no notification of media for s3:ObjectCreated"):
        delivery(account(found)).notification()


def test_disabled_rule_carries_nothing() -> None:
    aws = account({"EventBridgeConfiguration": {}})
    aws.answers["events.describe_rule"] = {"State": "DISABLED", "EventPattern": '{"source": ["aws.s3"]}'}
    with pytest.raises(CommandError, match="no notification"):
        delivery(aws).notification()


@pytest.mark.parametrize("missing", range(3))
def test_queue_must_admit_each_sender(missing: int) -> None:
    statements = [each for number, each in enumerate(ADMITS) if number != missing]
    found = {
        "QueueConfigurations": [{"QueueArn": QUEUE, "Events": BOTH}],
        "TopicConfigurations": [{"TopicArn": TOPIC, "Events": CREATED}],
        "EventBridgeConfiguration": {},
    }
    sender = ("s3", "sns", "events")[missing]
    with pytest.raises(CommandError, match=f"does not allow {sender}.amazonaws.com"):
        delivery(account(found, statements)).notification()


def test_job_completions_need_a_subscription_and_a_rule() -> None:
    aws = account({})
    assert delivery(aws).completions() == "AmazonRekognition-jobs -> events"
    assert delivery(aws).job_events(["aws.transcribe"]) == "EventBridge rule uploads -> events"
    with pytest.raises(CommandError, match=r"sends the events of aws.mediaconvert"):
        delivery(aws).job_events(["aws.transcribe", "aws.mediaconvert"])
    aws.answers["sns.list_subscriptions_by_topic"] = {"Subscriptions": []}
    with pytest.raises(CommandError, match="no subscription"):
        delivery(aws).completions()


def test_denied_reading_is_no_failure() -> None:
    aws = account({})
    aws.answers["s3.get_bucket_notification_configuration"] = denied("s3:GetBucketNotification")
    with pytest.raises(Skipped, match="s3:GetBucketNotification"):
        delivery(aws).notification()


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"VisibilityTimeout": "5"}, "visibility timeout is 5 s"),
        ({"MaximumMessageSize": "1024"}, "maximum message size is 1024 bytes"),
        ({"RedrivePolicy": "{}"}, "no dead-letter queue"),
    ],
)
def test_unsuitable_queue_fails(attributes: dict[str, str], message: str) -> None:
    queues = QueueReader(AccountReader(account({}, **attributes), "eu-central-1"), RESOURCES)
    with pytest.raises(CommandError, match=message):
        queues.check(QUEUE)


def test_suitable_queue_names_its_attributes() -> None:
    queues = QueueReader(AccountReader(account({}), "eu-central-1"), RESOURCES)
    assert queues.check(QUEUE) == "visibility timeout 30 s, retention 4 days, after 10 receives to events-dlq"


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([statement("s3.amazonaws.com", BUCKET)], True),
        ([statement("s3.amazonaws.com", "arn:aws:s3:::other")], False),
        ([statement("s3.amazonaws.com", BUCKET, StringEquals={"aws:SourceAccount": ACCOUNT})], True),
        ([statement("s3.amazonaws.com", BUCKET, StringEquals={"aws:SourceAccount": "999999999999"})], False),
        ([statement("s3.amazonaws.com", BUCKET, StringNotEquals={"aws:SourceAccount": ACCOUNT})], False),
        ([statement("sns.amazonaws.com", BUCKET)], False),
        ([{**statement("s3.amazonaws.com", BUCKET), "Action": "sqs:*"}], True),
        ([{**statement("s3.amazonaws.com", BUCKET), "Action": "sqs:ReceiveMessage"}], False),
        ([{**statement("", BUCKET), "Principal": "*"}], True),
        ([statement("s3.amazonaws.com", BUCKET), statement("s3.amazonaws.com", BUCKET, "Deny")], False),
        ({**statement("s3.amazonaws.com", BUCKET)}, True),
        (None, False),
    ],
)
def test_policy_of_a_queue(statements: Any, allowed: bool) -> None:
    assert allows({"Statement": statements}, "s3.amazonaws.com", "sqs:SendMessage", BUCKET, ACCOUNT) is allowed
