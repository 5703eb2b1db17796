"""S3, SQS and SNS for commands, with boto3."""

from __future__ import annotations

import functools
import mimetypes
from pathlib import Path
from typing import Any

import boto3
from boto3.exceptions import S3UploadFailedError
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

_CONFIG = Config(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 2, "mode": "standard"})


def upload(path: Path, bucket: str, key: str) -> str:
    """Upload a file and return its version id, or its ETag if the bucket is unversioned."""
    content_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    client("s3").upload_file(str(path), bucket, key, ExtraArgs={"ContentType": content_type})
    head = client("s3").head_object(Bucket=bucket, Key=key)
    version_id = head.get("VersionId", "null")
    return str(head["ETag"]).strip('"') if version_id == "null" else str(version_id)


def check_bucket(name: str) -> None:
    """Check that the bucket exists and is readable; raises the error of botocore if not."""
    client("s3").head_bucket(Bucket=name)


def check_queue(url: str) -> int:
    """Return the approximate number of messages in a queue."""
    answer = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def check_topic(arn: str) -> int:
    """Return the number of subscriptions of an SNS topic."""
    return len(client("sns").list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"])


def empty(bucket: str, folder: str) -> int:
    """Delete every object under a prefix, and return their number."""
    number = 0
    for page in client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder):
        if found := [{"Key": each["Key"]} for each in page.get("Contents", ())]:
            client("s3").delete_objects(Bucket=bucket, Delete={"Objects": found, "Quiet": True})
            number += len(found)
    return number


@functools.cache
def client(service: str) -> Any:
    """Create the client of a service, from the SDK's own settings."""
    return boto3.session.Session().client(service, config=_CONFIG)  # type: ignore[call-overload]


def describe_error(error: Exception) -> str | None:
    """Describe an error of the SDK in one line; None for any other error."""
    if isinstance(error, S3UploadFailedError) and isinstance(error.__context__, ClientError):
        error = error.__context__
    if isinstance(error, ClientError):
        details = error.response["Error"]
        return f"AWS rejected {error.operation_name}: {details.get('Code', '')} {details.get('Message', '')}".strip()
    if isinstance(error, BotoCoreError | S3UploadFailedError):
        return f"AWS: {error}"
    return None
