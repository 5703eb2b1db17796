"""Local S3, SQS, SNS and EventBridge (MiniStack) with Headrace's resources. The only user of boto3 in `cluster`."""

from __future__ import annotations

import json
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from headrace.connectors.aws.sigv4 import AwsCredentials
from headrace.sandbox import names
from headrace.sandbox.cluster import local_policies
from headrace.sandbox.cluster.ports import is_healthy
from headrace.sandbox.cluster.processes import ProcessCommand
from headrace.sandbox.errors import SandboxError
from headrace.sandbox.paths import private_folder, write_private

SERVICES = ("s3", "sqs", "sns", "events")
"""The services of the pipeline, by their signing names."""

ACCOUNT_SERVICES = ("iam", "sts")
"""The services that `headrace doctor --aws` reads. MiniStack's other services are off."""

HEALTH = "/_ministack/health"
RECEIVES_BEFORE_REDRIVE = 10
FOURTEEN_DAYS = 14 * 24 * 3600
OBJECT_EVENTS = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]
JOB_EVENTS_PATTERN = {"source": ["aws.transcribe", "aws.mediaconvert", "aws.bedrock"]}


def prepare(folder: Path, port: int, access: AwsCredentials) -> ProcessCommand:
    """Prepare the folder, keeping its objects, queues and messages, and return the start command.

    Objects are written immediately, everything else when the server stops by SIGTERM.
    """
    private_folder(folder)
    _update_queue_urls(folder, port)
    command = (sys.executable, "-P", "-m", "headrace.sandbox.cluster.ministack_server")
    keys = {"AWS_ACCESS_KEY_ID": access.access, "AWS_SECRET_ACCESS_KEY": access.secret}
    return ProcessCommand(command, folder, _settings(folder, port) | keys)


def is_ready(port: int) -> bool:
    """Return whether the server is healthy."""
    return is_healthy(port, HEALTH)


def apply(port: int, access: AwsCredentials) -> None:
    """Create or update the buckets, queues, topics, notifications and rule of Headrace.

    Raises:
        SandboxError: The server returned an error.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        _apply(port, access)
    except (BotoCoreError, ClientError) as error:
        raise SandboxError(f"The local AWS cannot be set up: {error}") from error


def _apply(port: int, access: AwsCredentials) -> None:
    s3, sqs, sns, events = (_client(service, port, access) for service in SERVICES)
    local_policies.apply_roles(_client("iam", port, access))
    _apply_queues(sqs)
    for bucket in (names.MEDIA_BUCKET, names.RESULTS_BUCKET):
        with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
            s3.create_bucket(Bucket=bucket)
    _apply_object_events(s3)
    topic = sns.create_topic(Name=names.JOBS_TOPIC)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=names.queue_arn(names.QUEUE))
    routed = sns.create_topic(Name=names.ROUTED)["TopicArn"]
    sns.subscribe(TopicArn=routed, Protocol="sqs", Endpoint=names.queue_arn(names.ROUTED_BY_SNS))
    events.put_rule(Name=names.JOBS_RULE, EventPattern=json.dumps(JOB_EVENTS_PATTERN))
    target = {"Id": names.QUEUE, "Arn": names.queue_arn(names.QUEUE)}
    events.put_targets(Rule=names.JOBS_RULE, Targets=[target])


def _settings(folder: Path, port: int) -> dict[str, str]:
    return {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": names.HOST,
        "MINISTACK_HOST": names.HOST,
        "MINISTACK_ACCOUNT_ID": names.ACCOUNT,
        "MINISTACK_REGION": names.REGION,
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(folder / "s3"),
        "PERSIST_STATE": "1",
        "STATE_DIR": str(folder / "state"),
        "TMPDIR": str(folder),
        "LOG_LEVEL": "WARNING",
        "SERVICES": ",".join((*SERVICES, *ACCOUNT_SERVICES)),
        # Each opens an additional port.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }


def _update_queue_urls(folder: Path, port: int) -> None:
    """Rewrite the stored queue URLs to the current port."""
    stored = folder / "state" / "sqs.json"
    if stored.exists():
        any_port = rf"http://{re.escape(names.HOST)}:\d+/{names.ACCOUNT}/"
        text = stored.read_text(encoding="utf-8")
        write_private(stored, re.sub(any_port, f"{names.endpoint(port)}/{names.ACCOUNT}/", text))


def _client(service: str, port: int, access: AwsCredentials) -> Any:
    import boto3
    from botocore.config import Config

    # Explicit settings, so that the user's AWS configuration and proxies do not apply.
    session: Any = boto3.Session(access.access, access.secret, region_name=names.REGION)
    return session.client(service, endpoint_url=names.endpoint(port), config=Config(proxies={}))


def _apply_queues(sqs: Any) -> None:
    redrive = {"deadLetterTargetArn": names.queue_arn(names.REDRIVE_QUEUE), "maxReceiveCount": RECEIVES_BEFORE_REDRIVE}
    attributes = {
        names.ROUTED: {"MessageRetentionPeriod": str(FOURTEEN_DAYS)},
        names.ROUTED_BY_SNS: {"MessageRetentionPeriod": str(FOURTEEN_DAYS)},
        names.REDRIVE_QUEUE: {"MessageRetentionPeriod": str(FOURTEEN_DAYS)},
        names.QUEUE: {"RedrivePolicy": json.dumps(redrive), "Policy": json.dumps(local_policies.queue_policy())},
    }
    for name, expected in attributes.items():
        # Created without attributes: SQS rejects the creation of an existing queue with other attributes.
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes=expected)


def _apply_object_events(s3: Any) -> None:
    expected = {"QueueArn": names.queue_arn(names.QUEUE), "Events": OBJECT_EVENTS}
    current = s3.get_bucket_notification_configuration(Bucket=names.MEDIA_BUCKET).get("QueueConfigurations", [])
    if [{name: each[name] for name in expected} for each in current] != [expected]:
        configuration = {"QueueConfigurations": [expected]}  # only on change: S3 sends a test event on every put
        s3.put_bucket_notification_configuration(Bucket=names.MEDIA_BUCKET, NotificationConfiguration=configuration)
