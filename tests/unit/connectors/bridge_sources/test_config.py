"""The sources file: validation, required AWS resources and minimal IAM policies."""

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
    with pytest.raises(SourcesFileError) as errors:
        load_sources(path)
    return [line.removeprefix(f"{path}: ") for line in str(errors.value).splitlines()]


@pytest.mark.parametrize(
    ("wrong", "errors"),
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
def test_error_names_its_position_in_the_file(tmp_path: Path, wrong: str, errors: str) -> None:
    assert mistakes(tmp_path, wrong) == [errors]


def test_unknown_event_kind_lists_the_known_ones(tmp_path: Path) -> None:
    (errors,) = mistakes(tmp_path, WHOLE.replace('"transcribe"', '"lambda"'))

    assert errors.startswith("queue[0].carries[2]: ")
    assert "'mediaconvert'" in errors


def test_all_errors_are_reported_at_once(tmp_path: Path) -> None:
    errors = mistakes(tmp_path, WHOLE.replace("prefix", "prefx").replace(URL, "headrace-events"))

    assert [line.partition(":")[0] for line in errors] == ["queue[0].url", "queue[0].prefx"]


def test_toml_error_names_the_line(tmp_path: Path) -> None:
    (errors,) = mistakes(tmp_path, HEAD + "[[queue]\n")

    assert errors.startswith("not TOML: ")
    assert "line 3" in errors


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-central-1", "aws"), ("us-gov-west-1", "aws-us-gov"), ("cn-north-1", "aws-cn"), ("ap-southeast-4", "aws")],
)
def test_arns_have_the_partition_of_the_region(region: str, partition: str) -> None:
    url = f"https://sqs.{region}.amazonaws.com/111122223333/events"
    read = SourcesConfig.model_validate(
        {"region": region, "account": "111122223333", "queue": [{"url": url, "carries": ["s3"], "buckets": ["media"]}]}
    )

    assert read.queue_arn(read.queue[0]) == f"arn:{partition}:sqs:{region}:111122223333:events"
    assert read.bucket_arn("media") == f"arn:{partition}:s3:::media"


def test_bridge_policy_allows_only_consuming_its_queues(file: Path) -> None:
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


def test_policy_without_a_kms_key_allows_no_decryption() -> None:
    assert [each["Sid"] for each in bridge_policy(sources())["Statement"]] == ["EmptyQueues"]


def test_queue_policy_restricts_services_to_named_resources_and_account(file: Path) -> None:
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


def test_queue_policy_allows_topic_of_another_account() -> None:
    found = sources(carries=["rekognition"], buckets=[], topics=[TOPIC.replace("111122223333", "444455556666")])
    (statement,) = queue_policy(found, found.queue[0])["Statement"]

    assert statement["Condition"]["StringEqualsIfExists"] == {"aws:SourceAccount": ["444455556666"]}


def test_queue_requirements_follow_from_its_events(file: Path) -> None:
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


def test_s3_has_no_queue_permission_through_sns_or_eventbridge() -> None:
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
def test_s3_rule_matches_the_keys_of_a_notification(given: dict[str, str], filtered: Any) -> None:
    (queue,) = sources(carries=["s3-eventbridge"], **given).queue
    (pattern,) = rules(queue).values()

    assert pattern["detail"].get("object", {}).get("key") == filtered
    assert pattern["detail"]["bucket"] == {"name": ["media"]}


def test_mediaconvert_rule_excludes_status_updates() -> None:
    (queue,) = sources(carries=["mediaconvert"], buckets=[]).queue
    (pattern,) = rules(queue).values()

    assert pattern["detail"] == {"status": ["COMPLETE", "ERROR", "CANCELED"]}


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, [*arguments])


def test_check_lists_requirements_offline(file: Path) -> None:
    done = run("check", str(file), "--offline")

    assert done.exit_code == 0
    assert f"S3 notification  media -> {QUEUE}  prefix in/  s3:ObjectCreated:* " in done.output
    assert len(done.output.splitlines()) == 9


def test_policy_prints_all_policies_as_json(file: Path) -> None:
    printed = json.loads(run("policy", str(file)).output)

    assert printed.keys() == {"bridge", "queues"}
    assert list(printed["queues"]) == [URL]


@pytest.mark.parametrize("command", [("check",), ("policy",), ("--sources",)])
def test_invalid_file_ends_the_command_with_its_error(command: tuple[str, ...], tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(WHOLE.replace("url", "uri"), "utf-8")
    for path, errors in ((wrong, "queue[0].uri: unknown"), (tmp_path / "none.toml", "none.toml: No such file")):
        done = run(*command, str(path))
        assert done.exit_code == 1
        assert errors in done.stderr
        assert "Traceback" not in done.output
