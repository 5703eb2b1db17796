"""Tests of a sandbox with the real Kafka, local AWS and AI endpoint."""

from __future__ import annotations

import json
import os
import random
import signal
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType  # type: ignore[attr-defined]

from headrace.sandbox import names
from headrace.sandbox.access.control import call_control
from headrace.sandbox.access.keys import control_token
from headrace.sandbox.cluster import cluster, components, jars, kafka_broker, ministack, processes
from headrace.sandbox.cluster.environment import variables
from headrace.sandbox.cluster.kafka_broker import BrokerNode
from headrace.sandbox.cluster.ports import free_port, is_healthy
from headrace.sandbox.cluster.state_file import ClusterState, RunningComponent, read
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from tests.support.process import wait_for

pytestmark = pytest.mark.system

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("sandbox")
    yield folder
    cluster.down(folder)


@pytest.fixture
def state(folder: Path) -> ClusterState:
    return cluster.up(folder)


def client(service: str, state: ClusterState, **options: Any) -> Any:
    session: Any = boto3.Session(*state.access[:2], region_name=names.REGION)
    return session.client(service, endpoint_url=names.endpoint(state.parts["aws"].port), **options)


def received(state: ClusterState) -> list[dict[str, Any]]:
    """Receive and delete all messages of the queue; return their bodies."""
    sqs, url = client("sqs", state), names.queue_url(state.parts["aws"].port)
    bodies = []
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages"):
        bodies += [json.loads(message["Body"]) for message in found]
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def admin(port: int) -> AdminClient:
    return clients.admin(KafkaSettings(bootstrap_servers=f"{names.HOST}:{port}"))


def create_topic(state: ClusterState, name: str) -> None:
    kafka = admin(state.parts["kafka"].port)  # referenced until the future is done
    kafka.create_topics([NewTopic(name)])[name].result()


def topics(state: ClusterState) -> set[str]:
    return set(admin(state.parts["kafka"].port).list_topics(timeout=60).topics)


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
    for source in ("aws.transcribe", "aws.mediaconvert", "aws.bedrock"):
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
    ministack.apply(port, state.access)
    assert s3.get_bucket_notification_configuration(Bucket=names.MEDIA_BUCKET)["QueueConfigurations"] == before
    assert received(state) == []
    subscriptions = client("sns", state).list_subscriptions_by_topic(TopicArn=names.JOBS_TOPIC_ARN)
    assert len(subscriptions["Subscriptions"]) == 1


def test_variables_configure_the_ai_endpoint(state: ClusterState) -> None:
    found = variables(state)
    assert found["AWS_ENDPOINT_URL_REKOGNITION"] == names.endpoint(state.parts["ai"].port)
    assert is_healthy(state.parts["ai"].port, "/health")


def ask(state: ClusterState, name: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    """Send a request that is not signed to a server of the sandbox, and return its status and body."""
    connection = HTTPConnection(names.HOST, state.parts[name].port, timeout=60)
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    try:
        connection.request("GET" if body is None else "POST", path, body, named)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


FUNCTION = json.dumps(
    {"FunctionName": "f", "Runtime": "python3.11", "Handler": "f.f", "Role": "r", "Code": {}}
).encode()
AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=test/20260314/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=ab"


@pytest.mark.parametrize(
    ("name", "path", "headers"),
    [
        ("aws", "/2015-03-31/functions", {"content_type": "text/plain", "origin": "http://evil.example"}),
        ("aws", "/2015-03-31/functions", {"content_type": "text/plain"}),
        ("aws", "/2015-03-31/functions", {"authorization": AUTHORIZATION.format("lambda")}),
        ("aws", "/", {"authorization": AUTHORIZATION.format("sqs"), "x_amz_target": "AmazonSQS.ListQueues"}),
        ("aws", "/?Action=ListTopics", {"content_type": "text/plain"}),
        ("aws", "/_ministack/config", {"content_type": "text/plain"}),
        ("aws", "/_ministack/reset", {}),
        ("aws", f"/{names.MEDIA_BUCKET}/forged.jpg", {}),
        ("ai", "/", {"x_amz_target": "RekognitionService.DetectLabels", "content_type": "text/plain"}),
        ("ai", "/faults", {"content_type": "text/plain"}),
        ("ai", "/inbox", {"content_type": "text/plain"}),
    ],
)
def test_a_call_without_the_access_key_is_refused(
    state: ClusterState, name: str, path: str, headers: dict[str, str]
) -> None:
    assert ask(state, name, path, FUNCTION, **headers)[0] == 403


@pytest.mark.parametrize("path", ["/ledger", "/inbox", "/faults"])
def test_control_pages_need_the_token(state: ClusterState, path: str) -> None:
    assert ask(state, "ai", path)[0] == 403
    assert call_control(names.endpoint(state.parts["ai"].port) + path, token=control_token(state.access)) is not None


def test_services_that_are_not_needed_are_off(state: ClusterState) -> None:
    for service, call in (
        ("lambda", "list_functions"),
        ("dynamodb", "list_tables"),
        ("ecs", "list_clusters"),
    ):
        with pytest.raises(ClientError) as raised:
            getattr(client(service, state), call)()
        assert raised.value.response["Error"]["Code"] == "AccessDenied"
    status, health = ask(state, "aws", ministack.HEALTH)
    assert (status, set(json.loads(health)["services"])) == (200, {*ministack.SERVICES, *ministack.ACCOUNT_SERVICES})


def test_another_sandbox_has_another_key(state: ClusterState, folder: Path) -> None:
    assert state.access != ClusterState().access
    assert read(folder).access == state.access


def test_unusual_object_keys_are_signed_as_the_server_expects(state: ClusterState) -> None:
    s3 = client("s3", state)
    presigning = client("s3", state, config=Config(signature_version="s3v4"))
    for key in ("a b+c%41.txt", "mit-ü/日本.txt", "a//b/../c~(1)!.txt", "x=1&y=2?.txt"):
        s3.put_object(Bucket=names.RESULTS_BUCKET, Key=key, Body=b"hello", Metadata={"by": "a  test"})
        assert s3.get_object(Bucket=names.RESULTS_BUCKET, Key=key)["Body"].read() == b"hello"
        url = presigning.generate_presigned_url("get_object", {"Bucket": names.RESULTS_BUCKET, "Key": key})
        with urllib.request.urlopen(url) as answer:
            assert answer.read() == b"hello"
    assert s3.list_objects_v2(Bucket=names.RESULTS_BUCKET, Prefix="mit-ü/", Delimiter="/")["KeyCount"] == 1


def test_only_the_user_can_read_the_files(state: ClusterState, folder: Path) -> None:
    client("s3", state).put_object(Bucket=names.MEDIA_BUCKET, Key="private", Body=b"hello")
    folders = {folder, *(folder / name for name in ("aws", "ai", "kafka", "logs"))}
    assert {stat.S_IMODE(each.stat().st_mode) for each in folders} == {0o700}
    open_to_others = [each for each in folder.rglob("*") if each.name != "lock" and each.lstat().st_mode & 0o077]
    assert open_to_others == []


def test_kafka_tools_work(state: ClusterState, folder: Path) -> None:
    create_topic(state, "listed-by-a-tool")
    command = [
        sys.executable,
        "-c",
        "from headrace.sandbox.cli.sandbox import app; app()",
        "kafka",
        "--data",
        str(folder),
    ]
    listed = subprocess.run([*command, "topics", "--list"], capture_output=True, text=True, check=True)
    assert "listed-by-a-tool" in listed.stdout.split()


def test_restarts_only_a_killed_component_with_its_data(state: ClusterState, folder: Path) -> None:
    create_topic(state, "survivor")
    kill(state.parts["kafka"])
    assert {health.part.name: health.alive for health in cluster.status(folder)} == {
        "kafka": False,
        "aws": True,
        "ai": True,
    }
    after = cluster.up(folder)
    assert {name for name in after.parts if after.parts[name] != state.parts[name]} == {"kafka"}
    assert "survivor" in topics(after)


def test_objects_survive_a_kill_of_the_local_aws(state: ClusterState, folder: Path) -> None:
    client("s3", state).put_object(Bucket=names.MEDIA_BUCKET, Key="kept", Body=b"hello", Metadata={"by": "test"})
    kill(state.parts["aws"])
    found = client("s3", cluster.up(folder)).get_object(Bucket=names.MEDIA_BUCKET, Key="kept")
    assert (found["Body"].read(), found["Metadata"]) == (b"hello", {"by": "test"})


def test_data_survives_down_and_up(state: ClusterState, folder: Path) -> None:
    received(state)
    client("s3", state).put_object(Bucket=names.MEDIA_BUCKET, Key="not yet read", Body=b"hello")
    create_topic(state, "kept")
    assert cluster.down(folder) == ["kafka", "aws", "ai"]
    assert not any(processes.is_alive(part) for part in state.parts.values())
    after = cluster.up(folder)
    assert "kept" in topics(after)
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
        kafka = admin(quorum[0].port)
        kafka.create_topics([NewTopic("copied")])["copied"].result()
        # Brokers learn of a new topic only after its creation is confirmed.
        known = wait_for(lambda: kafka.list_topics("copied", timeout=60).topics["copied"].partitions, "the new topic")
        replicas = known[0].replicas
        [config] = kafka.describe_configs([ConfigResource(ResourceType.TOPIC, "copied")]).values()
        in_sync = config.result()["min.insync.replicas"].value
    finally:
        processes.stop(started, timeout=1.0)
    assert sorted(replicas) == [1, 2, 3]
    assert in_sync == "2"
