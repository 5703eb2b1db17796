"""A sources file: what it may say, what it needs, and the least that IAM must allow for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headrace.connectors.bridge_sources.config import SourcesConfig, SourcesFileError, load_sources
from headrace.connectors.bridge_sources.iam_policy import bridge_policy, queue_policy
from headrace.connectors.bridge_sources.requirements import requirements, rules
from headrace.console.commands.bridge import app

URL = "https://sqs.eu-central-1.amazonaws.com/111122223333/headrace-events"
QUEUE = "arn:aws:sqs:eu-central-1:111122223333:headrace-events"
TOPIC = "arn:aws:sns:eu-central-1:111122223333:AmazonRekognition-headrace"
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
HEAD = 'region = "eu-central-1"\naccount = "111122223333"\n'
WHOLE = f"""{HEAD}
[[queue]]
url = "{URL}"
carries = ["s3", "rekognition", "transcribe"]
buckets = ["media", "more-media"]
prefix = "in/"
topics = ["{TOPIC}"]
kms = "{KEY}"
"""


def sources(**changes: Any) -> SourcesConfig:
    queue = {"url": URL, "carries": ["s3"], "buckets": ["media"], **changes}
    return SourcesConfig.model_validate({"region": "eu-central-1", "account": "111122223333", "queue": [queue]})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sources.toml"
    path.write_text(WHOLE, "utf-8")
    return path


def mistakes(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "sources.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(SourcesFileError) as said:
        load_sources(path)
    return [line.removeprefix(f"{path}: ") for line in str(said.value).splitlines()]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            WHOLE.replace("buckets", "bucket"),
            "queue[0].bucket: unknown; known: url, carries, buckets, prefix, suffix, topics, sources, kms",
        ),
        ("regoin = 1\n" + WHOLE, "regoin: unknown; known: region, account, queue"),
        (WHOLE.replace('account = "111122223333"', ""), "account: missing"),
        (HEAD + "queue = []\n", "queue: missing; start one with [[queue]]"),
        (WHOLE.replace('["media", "more-media"]', "[]"), "queue[0]: 's3' needs buckets"),
        (WHOLE.replace(f'["{TOPIC}"]', "[]"), "queue[0]: 'rekognition' needs topics"),
        (
            WHOLE.replace('"s3", ', ""),
            "queue[0]: buckets are given, but it carries none of s3, s3-sns, s3-eventbridge",
        ),
        (
            WHOLE.replace("headrace-events", "a.fifo"),
            "queue[0]: S3 itself cannot send to a FIFO queue: carry 's3-eventbridge'",
        ),
        (
            WHOLE.replace('"eu-central-1"', '"eu-west-1"'),
            "queue[0].url: the queue is in eu-central-1, not eu-west-1",
        ),
        (WHOLE + WHOLE.removeprefix(HEAD), "queue[1].url: the same queue as queue[0]"),
    ],
)
def test_a_mistake_is_named_with_its_place_in_the_file(tmp_path: Path, wrong: str, said: str) -> None:
    assert mistakes(tmp_path, wrong) == [said]


def test_an_unknown_kind_of_event_is_named_with_the_known_ones(tmp_path: Path) -> None:
    (said,) = mistakes(tmp_path, WHOLE.replace('"transcribe"', '"lambda"'))

    assert said.startswith("queue[0].carries[2]: ")
    assert "'mediaconvert'" in said


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    said = mistakes(tmp_path, WHOLE.replace("prefix", "prefx").replace(URL, "headrace-events"))

    assert [line.partition(":")[0] for line in said] == ["queue[0].url", "queue[0].prefx"]


def test_what_is_no_toml_is_refused_with_the_line(tmp_path: Path) -> None:
    (said,) = mistakes(tmp_path, HEAD + "[[queue]\n")

    assert said.startswith("not TOML: ")
    assert "line 3" in said


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-central-1", "aws"), ("us-gov-west-1", "aws-us-gov"), ("cn-north-1", "aws-cn"), ("ap-southeast-4", "aws")],
)
def test_arns_are_of_the_partition_of_the_region(region: str, partition: str) -> None:
    url = f"https://sqs.{region}.amazonaws.com/111122223333/events"
    read = SourcesConfig.model_validate(
        {"region": region, "account": "111122223333", "queue": [{"url": url, "carries": ["s3"], "buckets": ["media"]}]}
    )

    assert read.queue_arn(read.queue[0]) == f"arn:{partition}:sqs:{region}:111122223333:events"
    assert read.bucket_arn("media") == f"arn:{partition}:s3:::media"


def test_the_bridge_may_empty_its_queues_and_nothing_else(file: Path) -> None:
    assert bridge_policy(load_sources(file)) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "EmptyQueues",
                "Effect": "Allow",
                "Action": [
                    "sqs:ReceiveMessage",
                    "sqs:DeleteMessage",
                    "sqs:ChangeMessageVisibility",
                    "sqs:GetQueueAttributes",
                ],
                "Resource": [QUEUE],
            },
            {"Sid": "ReadEncrypted", "Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": [KEY]},
        ],
    }


def test_without_a_key_the_bridge_may_decrypt_nothing() -> None:
    assert [each["Sid"] for each in bridge_policy(sources())["Statement"]] == ["EmptyQueues"]


def test_each_service_may_send_for_the_named_resources_of_the_named_account_alone(file: Path) -> None:
    found = load_sources(file)

    def statement(sid: str, service: str, arns: list[str], owner: dict[str, Any]) -> dict[str, Any]:
        return {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": {"Service": f"{service}.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": QUEUE,
            "Condition": {"ArnEquals": {"aws:SourceArn": arns}, **owner},
        }

    account = {"StringEqualsIfExists": {"aws:SourceAccount": ["111122223333"]}}
    rule = "arn:aws:events:eu-central-1:111122223333:rule/headrace-events-transcribe"
    assert queue_policy(found, found.queue[0]) == {
        "Version": "2012-10-17",
        "Statement": [
            statement(
                "FromS3",
                "s3",
                ["arn:aws:s3:::media", "arn:aws:s3:::more-media"],
                {"StringEquals": {"aws:SourceAccount": "111122223333"}},
            ),
            statement("FromSNS", "sns", [TOPIC], account),
            statement("FromEventBridge", "events", [rule], account),
        ],
    }


def test_a_topic_of_another_account_may_send_for_that_account() -> None:
    found = sources(carries=["rekognition"], buckets=[], topics=[TOPIC.replace("111122223333", "444455556666")])
    (statement,) = queue_policy(found, found.queue[0])["Statement"]

    assert statement["Condition"]["StringEqualsIfExists"] == {"aws:SourceAccount": ["444455556666"]}


def test_what_a_queue_needs_follows_from_what_it_carries(file: Path) -> None:
    assert [(each.kind, each.subject, each.target) for each in requirements(load_sources(file))] == [
        ("queue", URL, ""),
        ("queue policy", URL, "s3.amazonaws.com"),
        ("queue policy", URL, "sns.amazonaws.com"),
        ("queue policy", URL, "events.amazonaws.com"),
        ("S3 notification", "media", QUEUE),
        ("S3 notification", "more-media", QUEUE),
        ("SNS topic", TOPIC, ""),
        ("SNS subscription", TOPIC, QUEUE),
        ("rule", "headrace-events-transcribe", QUEUE),
    ]


def test_s3_through_sns_or_eventbridge_sends_nothing_to_the_queue_itself() -> None:
    found = sources(carries=["s3-sns", "s3-eventbridge"], topics=[TOPIC])

    assert [(each.kind, each.subject, each.target) for each in requirements(found)] == [
        ("queue", URL, ""),
        ("queue policy", URL, "sns.amazonaws.com"),
        ("queue policy", URL, "events.amazonaws.com"),
        ("S3 notification", "media", TOPIC),
        ("S3 to EventBridge", "media", ""),
        ("SNS topic", TOPIC, ""),
        ("SNS subscription", TOPIC, QUEUE),
        ("rule", "headrace-events-s3-eventbridge", QUEUE),
    ]


@pytest.mark.parametrize(
    ("given", "filtered"),
    [
        ({}, None),
        ({"prefix": "in/"}, [{"prefix": "in/"}]),
        ({"suffix": ".mp4"}, [{"suffix": ".mp4"}]),
        ({"prefix": "in*/", "suffix": ".mp4"}, [{"wildcard": "in\\*/*.mp4"}]),
    ],
)
def test_a_rule_for_s3_lets_through_the_keys_that_a_notification_would(given: dict[str, str], filtered: Any) -> None:
    (queue,) = sources(carries=["s3-eventbridge"], **given).queue
    (pattern,) = rules(queue).values()

    assert pattern["detail"].get("object", {}).get("key") == filtered
    assert pattern["detail"]["bucket"] == {"name": ["media"]}


def test_status_updates_of_mediaconvert_do_not_reach_the_queue() -> None:
    (queue,) = sources(carries=["mediaconvert"], buckets=[]).queue
    (pattern,) = rules(queue).values()

    assert pattern["detail"] == {"status": ["COMPLETE", "ERROR", "CANCELED"]}


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, [*arguments])


def test_check_says_offline_what_is_needed(file: Path) -> None:
    done = run("check", str(file), "--offline")

    assert done.exit_code == 0
    assert f"S3 notification  media -> {QUEUE}  prefix in/  s3:ObjectCreated:* " in done.output
    assert len(done.output.splitlines()) == 9


def test_policy_prints_all_policies_as_json(file: Path) -> None:
    printed = json.loads(run("policy", str(file)).output)

    assert printed.keys() == {"bridge", "queues"}
    assert list(printed["queues"]) == [URL]


@pytest.mark.parametrize("command", [("check",), ("policy",), ("--sources",)])
def test_a_file_that_cannot_be_used_ends_the_command_with_its_mistake(command: tuple[str, ...], tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(WHOLE.replace("url", "uri"), "utf-8")
    for path, said in ((wrong, "queue[0].uri: unknown"), (tmp_path / "none.toml", "none.toml: No such file")):
        done = run(*command, str(path))
        assert done.exit_code == 1
        assert said in done.stderr
        assert "Traceback" not in done.output
