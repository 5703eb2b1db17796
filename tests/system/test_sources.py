"""A sources file against queues, buckets, topics and rules that are there, or are not."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.aws_clients import new_client
from tests.support.process import headrace, run, wait_for


def written(folder: Path, url: str, name: str, topic: str) -> Path:
    """A file for one queue that carries everything."""
    path = folder / "sources.toml"
    path.write_text(f"""
region = "us-east-1"
account = "000000000000"

[[queue]]
url = "{url}"
carries = ["s3", "s3-eventbridge", "rekognition", "transcribe"]
buckets = ["{name}"]
prefix = "in box/"
topics = ["{topic}"]
""")
    return path


def test_check_lists_missing_resources_until_they_exist(cluster_env: dict[str, str], tmp_path: Path) -> None:
    name = f"s{uuid.uuid4().hex[:12]}"
    s3, sqs, sns, events = (new_client(each) for each in ("s3", "sqs", "sns", "events"))
    endpoint = cluster_env["AWS_ENDPOINT_URL_SQS"]
    topic, arn = f"arn:aws:sns:us-east-1:000000000000:{name}", f"arn:aws:sqs:us-east-1:000000000000:{name}"
    file = written(tmp_path, f"{endpoint}/000000000000/{name}", name, topic)

    before = run(cluster_env, "bridge", "check", str(file))
    assert before.returncode == 1
    assert {line.split()[0] for line in before.stdout.splitlines()} == {"missing"}

    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    policy = json.loads(run(cluster_env, "bridge", "policy", str(file)).stdout)["queues"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(next(iter(policy.values())))})
    s3.create_bucket(Bucket=name)
    filters: Any = {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "in+box/"}]}}
    notify: Callable[..., Any] = s3.put_bucket_notification_configuration
    queue = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": filters}
    notify(Bucket=name, NotificationConfiguration={"QueueConfigurations": [queue], "EventBridgeConfiguration": {}})
    sns.create_topic(Name=name)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    for rule, source in ((f"{name}-s3-eventbridge", "aws.s3"), (f"{name}-transcribe", "aws.transcribe")):
        events.put_rule(Name=rule, EventPattern=json.dumps({"source": [source]}))
        events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": arn}])

    after = run(cluster_env, "bridge", "check", str(file))
    assert (after.returncode, after.stderr) == (0, ""), after.stdout
    assert {line.split()[0] for line in after.stdout.splitlines()} == {"present"}

    events.disable_rule(Name=f"{name}-transcribe")
    notify(Bucket=name, NotificationConfiguration={"QueueConfigurations": [{**queue, "Filter": {}}]})
    less = run(cluster_env, "bridge", "check", str(file)).stdout.splitlines()
    missing = [line.partition("->")[0].split() for line in less if line.startswith("missing")]
    assert missing == [
        ["missing", "S3", "notification", name],
        ["missing", "S3", "to", "EventBridge", name],
        ["missing", "rule", f"{name}-transcribe"],
    ]


def test_unreachable_aws_is_not_reported_as_present(cluster_env: dict[str, str], tmp_path: Path) -> None:
    file = written(tmp_path, "http://127.0.0.1:9/000000000000/q", "media", "arn:aws:sns:us-east-1:000000000000:t")
    unreachable = {f"AWS_ENDPOINT_URL_{each}": "http://127.0.0.1:9" for each in ("S3", "SQS", "SNS", "EVENTBRIDGE")}
    done = run({**cluster_env, **unreachable, "AWS_MAX_ATTEMPTS": "1"}, "bridge", "check", str(file))

    assert done.returncode == 1
    assert {line.split()[0] for line in done.stdout.splitlines()} == {"unknown"}
    assert "Could not connect" in done.stdout


def test_bridge_drains_the_queues_of_a_sources_file(cluster_env: dict[str, str], tmp_path: Path) -> None:
    name = f"s{uuid.uuid4().hex[:12]}"
    url = new_client("sqs").create_queue(QueueName=name)["QueueUrl"]
    file = written(tmp_path, url, name, "arn:aws:sns:us-east-1:000000000000:t")
    others = {**cluster_env, "HEADRACE_QUEUE_URLS": "http://127.0.0.1:9/000000000000/other"}
    with headrace(others, tmp_path, "bridge", "--sources", str(file)) as bridge:
        wait_for(lambda: bridge.says("ready"), "the bridge to be ready", 30)
        assert bridge.stop() == 0

    assert bridge.says(name)
    assert not bridge.says("other")
