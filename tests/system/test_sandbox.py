"""Tests of a sandbox with the real Kafka, local AWS and AI endpoint."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest

from headrace.sandbox import names
from headrace.sandbox.cluster import cluster, components, jars, kafka_broker, ministack, processes
from headrace.sandbox.cluster.environment import variables
from headrace.sandbox.cluster.kafka_broker import BrokerNode, kafka_tool
from headrace.sandbox.cluster.ports import free_port, is_healthy
from headrace.sandbox.cluster.state_file import ClusterState, RunningComponent
from tests.support.process import wait_for

pytestmark = pytest.mark.system

TOPIC_COMMAND = "org.apache.kafka.tools.TopicCommand"
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("sandbox")
    yield folder
    cluster.down(folder)


@pytest.fixture
def state(folder: Path) -> ClusterState:
    return cluster.up(folder)


def client(service: str, state: ClusterState) -> Any:
    session: Any = boto3.Session("test", "test", region_name=names.REGION)
    return session.client(service, endpoint_url=names.endpoint(state.parts["aws"].port))


def received(state: ClusterState) -> list[dict[str, Any]]:
    """Receive and delete all messages of the queue; return their bodies."""
    sqs, url = client("sqs", state), names.queue_url(state.parts["aws"].port)
    bodies = []
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages"):
        bodies += [json.loads(message["Body"]) for message in found]
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def topics(state: ClusterState, *arguments: str) -> str:
    server = f"{names.HOST}:{state.parts['kafka'].port}"
    done = kafka_tool(components.runtime(), TOPIC_COMMAND, ["--bootstrap-server", server, *arguments])
    assert done.returncode == 0, done.stderr
    return done.stdout


def answers(part: RunningComponent) -> bool:
    return processes.listens(part) and kafka_broker.is_ready(part.port)


def kill(part: RunningComponent) -> None:
    os.kill(part.pid, signal.SIGKILL)
    wait_for(lambda: not processes.is_alive(part), f"the end of {part.name}")


def three_nodes() -> list[BrokerNode]:
    ports: list[int] = []
    for _ in range(6):
        ports.append(free_port(None, ports, random.Random()))
    return [BrokerNode(1, *ports[:2]), BrokerNode(2, *ports[2:4]), BrokerNode(3, *ports[4:])]


def test_object_events_are_sent_to_the_queue(state: ClusterState) -> None:
    s3 = client("s3", state)
    received(state)
    s3.put_object(Bucket=names.MEDIA_BUCKET, Key="a b+c.txt", Body=b"hello")
    s3.delete_object(Bucket=names.MEDIA_BUCKET, Key="a b+c.txt")
    records = [record for body in received(state) for record in body["Records"]]
    assert sorted(record["eventName"] for record in records) == ["ObjectCreated:Put", "ObjectRemoved:Delete"]
    assert {record["s3"]["object"]["key"] for record in records} == {"a+b%2Bc.txt"}


def test_result_objects_send_no_event(state: ClusterState) -> None:
    received(state)
    client("s3", state).put_object(Bucket=names.RESULTS_BUCKET, Key="result", Body=b"{}")
    assert received(state) == []


def test_completion_arrives_in_an_sns_envelope(state: ClusterState) -> None:
    received(state)
    client("sns", state).publish(TopicArn=names.JOBS_TOPIC_ARN, Message='{"JobId": "1"}')
    (envelope,) = received(state)
    assert (envelope["Type"], envelope["TopicArn"]) == ("Notification", names.JOBS_TOPIC_ARN)
    assert json.loads(envelope["Message"]) == {"JobId": "1"}


def test_rule_sends_job_events_to_the_queue(state: ClusterState) -> None:
    events = client("events", state)
    (target,) = events.list_targets_by_rule(Rule=names.JOBS_RULE)["Targets"]
    assert target["Arn"] == names.queue_arn(names.QUEUE)
    common = {
        "id": "1",
        "account": names.ACCOUNT,
        "time": "2026-01-01T00:00:00Z",
        "region": names.REGION,
        "resources": [],
    }
    pattern = events.describe_rule(Name=names.JOBS_RULE)["EventPattern"]
    for source in ("aws.transcribe", "aws.mediaconvert"):
        event: dict[str, Any] = {"source": source, "detail-type": "Job State Change", "detail": {}, **common}
        assert events.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"]


def test_queue_has_a_redrive_policy(state: ClusterState) -> None:
    sqs, url = client("sqs", state), names.queue_url(state.parts["aws"].port)
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]
    assert json.loads(found["RedrivePolicy"])["deadLetterTargetArn"] == names.queue_arn(names.REDRIVE_QUEUE)


def test_repeated_set_up_changes_nothing(state: ClusterState) -> None:
    received(state)
    s3, port = client("s3", state), state.parts["aws"].port
    before = s3.get_bucket_notification_configuration(Bucket=names.MEDIA_BUCKET)["QueueConfigurations"]
    ministack.apply(port)
    assert s3.get_bucket_notification_configuration(Bucket=names.MEDIA_BUCKET)["QueueConfigurations"] == before
    assert received(state) == []
    subscriptions = client("sns", state).list_subscriptions_by_topic(TopicArn=names.JOBS_TOPIC_ARN)
    assert len(subscriptions["Subscriptions"]) == 1


def test_variables_configure_the_ai_endpoint(state: ClusterState) -> None:
    found = variables(state)
    assert found["AWS_ENDPOINT_URL_REKOGNITION"] == names.endpoint(state.parts["ai"].port)
    assert is_healthy(state.parts["ai"].port, "/health")


def test_kafka_tools_work(state: ClusterState, folder: Path) -> None:
    topics(state, "--create", "--topic", "made-by-a-tool", "--partitions", "3")
    command = [
        sys.executable,
        "-c",
        "from headrace.sandbox.cli.sandbox import app; app()",
        "kafka",
        "--data",
        str(folder),
    ]
    listed = subprocess.run([*command, "topics", "--list"], capture_output=True, text=True, check=True)
    assert "made-by-a-tool" in listed.stdout.split()


def test_restarts_only_a_killed_component_with_its_data(state: ClusterState, folder: Path) -> None:
    topics(state, "--create", "--topic", "survivor")
    kill(state.parts["kafka"])
    assert {health.part.name: health.alive for health in cluster.status(folder)} == {
        "kafka": False,
        "aws": True,
        "ai": True,
    }
    after = cluster.up(folder)
    assert {name for name in after.parts if after.parts[name] != state.parts[name]} == {"kafka"}
    assert "survivor" in topics(after, "--list").split()


def test_objects_survive_a_kill_of_the_local_aws(state: ClusterState, folder: Path) -> None:
    client("s3", state).put_object(Bucket=names.MEDIA_BUCKET, Key="kept", Body=b"hello", Metadata={"by": "test"})
    kill(state.parts["aws"])
    found = client("s3", cluster.up(folder)).get_object(Bucket=names.MEDIA_BUCKET, Key="kept")
    assert (found["Body"].read(), found["Metadata"]) == (b"hello", {"by": "test"})


def test_data_survives_down_and_up(state: ClusterState, folder: Path) -> None:
    received(state)
    client("s3", state).put_object(Bucket=names.MEDIA_BUCKET, Key="not yet read", Body=b"hello")
    topics(state, "--create", "--topic", "kept")
    assert cluster.down(folder) == ["kafka", "aws", "ai"]
    assert not any(processes.is_alive(part) for part in state.parts.values())
    after = cluster.up(folder)
    assert "kept" in topics(after, "--list").split()
    assert [body["Records"][0]["s3"]["object"]["key"] for body in received(after)] == ["not+yet+read"]


def test_memory_is_below_the_limit(state: ClusterState) -> None:
    held = {part.name: processes.resident_bytes(part) / MEGABYTE for part in state.parts.values()}
    assert sum(held.values()) < 600, held


def test_three_brokers_replicate_topics(tmp_path: Path, folder: Path) -> None:
    cluster.down(folder)  # memory for three more
    runtime = components.runtime()
    jars.ensure(runtime.jars)
    quorum = three_nodes()
    commands = [
        kafka_broker.prepare(runtime, tmp_path / str(n.id), n, quorum, "AAAAAAAAQACAAAAAAAAAAQ") for n in quorum
    ]
    started = [
        processes.spawn(f"kafka-{node.id}", command, node.port, tmp_path / f"{node.id}.log")
        for node, command in zip(quorum, commands, strict=True)
    ]
    try:
        for part in started:
            wait_for(partial(answers, part), part.name)
        server = ["--bootstrap-server", f"{names.HOST}:{quorum[0].port}"]
        made = kafka_tool(runtime, TOPIC_COMMAND, [*server, "--create", "--topic", "copied"])
        shown = kafka_tool(runtime, TOPIC_COMMAND, [*server, "--describe", "--topic", "copied"])
    finally:
        processes.stop(started, timeout=1.0)
    assert made.returncode == 0, made.stderr
    assert "ReplicationFactor: 3" in shown.stdout
    assert "min.insync.replicas=2" in shown.stdout
