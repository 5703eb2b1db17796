"""S3, SQS and SNS as the console needs them. The door to boto3."""

from __future__ import annotations

import functools
import mimetypes
from pathlib import Path
from typing import Any

import boto3
from boto3.exceptions import S3UploadFailedError
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

_PATIENCE = Config(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 2, "mode": "standard"})


def upload(path: Path, bucket: str, key: str) -> str:
    """Store a file, in parts where it is large, and give its version: the version id, or the ETag without one."""
    content_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    client("s3").upload_file(str(path), bucket, key, ExtraArgs={"ContentType": content_type})
    there = client("s3").head_object(Bucket=bucket, Key=key)
    version_id = there.get("VersionId", "null")
    return str(there["ETag"]).strip('"') if version_id == "null" else str(version_id)


def check_bucket(name: str) -> None:
    """Return when the bucket is there and may be read."""
    client("s3").head_bucket(Bucket=name)


def check_queue(url: str) -> int:
    """Give the number of messages that wait in a queue, about."""
    answer = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def check_topic(arn: str) -> int:
    """Give the number of subscriptions that an SNS topic has."""
    return len(client("sns").list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"])


def empty(bucket: str, folder: str) -> int:
    """Delete every object under a folder, and say how many they were."""
    number = 0
    for page in client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder):
        if found := [{"Key": each["Key"]} for each in page.get("Contents", ())]:
            client("s3").delete_objects(Bucket=bucket, Delete={"Objects": found, "Quiet": True})
            number += len(found)
    return number


@functools.cache
def client(service: str) -> Any:
    """Make the client of a service, from the SDK's own settings."""
    return boto3.session.Session().client(service, config=_PATIENCE)  # type: ignore[call-overload]


def describe_error(error: Exception) -> str | None:
    """Say an error of the SDK in one line; None for any other."""
    if isinstance(error, S3UploadFailedError) and isinstance(error.__context__, ClientError):
        error = error.__context__
    if isinstance(error, ClientError):
        said = error.response["Error"]
        return f"AWS refuses {error.operation_name}: {said.get('Code', '')} {said.get('Message', '')}".strip()
    if isinstance(error, BotoCoreError | S3UploadFailedError):
        return f"AWS: {error}"
    return None
