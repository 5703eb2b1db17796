"""S3, SQS, SNS and EventBridge on this machine (MiniStack), with what Headrace needs in them; the door to boto3."""

from __future__ import annotations

import json
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from headrace.sandbox import names
from headrace.sandbox.cluster.ports import is_healthy
from headrace.sandbox.cluster.processes import ProcessCommand
from headrace.sandbox.errors import SandboxError

RECEIVES_BEFORE_REDRIVE = 10
FOURTEEN_DAYS = 14 * 24 * 3600
OBJECT_EVENTS = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]
JOBS_PATTERN = {"source": ["aws.transcribe", "aws.mediaconvert"]}


def prepare(folder: Path, port: int) -> ProcessCommand:
    """Make a folder ready and say how to start. Objects, queues and waiting messages in the folder are kept.

    Objects are on disk once they are put; all else is written when the server is ended by SIGTERM.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _carry_queues_over(folder, port)
    return ProcessCommand((sys.executable, "-P", "-m", "ministack"), folder, _settings(folder, port))


def is_ready(port: int) -> bool:
    """Whether the server answers."""
    return is_healthy(port, "/_ministack/health")


def apply(port: int) -> None:
    """Make buckets, queues, topic, notifications and rule as Headrace needs them; what is so already stays as it is.

    Raises `SandboxError` when the server refuses.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        _apply(port)
    except (BotoCoreError, ClientError) as error:
        raise SandboxError(f"The local AWS cannot be set up: {error}") from error


def _apply(port: int) -> None:
    s3, sqs, sns, events = (_client(service, port) for service in ("s3", "sqs", "sns", "events"))
    _apply_queues(sqs)
    for bucket in (names.MEDIA_BUCKET, names.RESULTS_BUCKET):
        with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
            s3.create_bucket(Bucket=bucket)
    _apply_object_events(s3)
    topic = sns.create_topic(Name=names.JOBS_TOPIC)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=names.queue_arn(names.QUEUE))
    routed = sns.create_topic(Name=names.ROUTED)["TopicArn"]
    sns.subscribe(TopicArn=routed, Protocol="sqs", Endpoint=names.queue_arn(names.ROUTED_BY_SNS))
    events.put_rule(Name=names.JOBS_RULE, EventPattern=json.dumps(JOBS_PATTERN))
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
        # Each opens a port of its own.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }


def _carry_queues_over(folder: Path, port: int) -> None:
    """Move kept queues to a new port: a queue is kept under its URL, and under the old one nobody would look for it."""
    kept = folder / "state" / "sqs.json"
    if kept.exists():
        any_port = rf"http://{re.escape(names.HOST)}:\d+/{names.ACCOUNT}/"
        text = kept.read_text(encoding="utf-8")
        kept.write_text(re.sub(any_port, f"{names.endpoint(port)}/{names.ACCOUNT}/", text), encoding="utf-8")


def _client(service: str, port: int) -> Any:
    import boto3
    from botocore.config import Config

    # All is said here, so that neither the user's own AWS settings nor a proxy can lead elsewhere.
    session: Any = boto3.Session(names.ACCESS_KEY, names.ACCESS_KEY, region_name=names.REGION)
    return session.client(service, endpoint_url=names.endpoint(port), config=Config(proxies={}))


def _apply_queues(sqs: Any) -> None:
    redrive = {"deadLetterTargetArn": names.queue_arn(names.REDRIVE_QUEUE), "maxReceiveCount": RECEIVES_BEFORE_REDRIVE}
    attributes = {
        names.ROUTED: {"MessageRetentionPeriod": str(FOURTEEN_DAYS)},
        names.ROUTED_BY_SNS: {"MessageRetentionPeriod": str(FOURTEEN_DAYS)},
        names.REDRIVE_QUEUE: {"MessageRetentionPeriod": str(FOURTEEN_DAYS)},
        names.QUEUE: {"RedrivePolicy": json.dumps(redrive)},
    }
    for name, wanted in attributes.items():
        # Created bare: SQS refuses to create a queue that exists with other attributes.
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes=wanted)


def _apply_object_events(s3: Any) -> None:
    wanted = {"QueueArn": names.queue_arn(names.QUEUE), "Events": OBJECT_EVENTS}
    found = s3.get_bucket_notification_configuration(Bucket=names.MEDIA_BUCKET).get("QueueConfigurations", [])
    if [{name: each[name] for name in wanted} for each in found] != [wanted]:
        configuration = {"QueueConfigurations": [wanted]}  # put only once: S3 sends a test event each time
        s3.put_bucket_notification_configuration(Bucket=names.MEDIA_BUCKET, NotificationConfiguration=configuration)
