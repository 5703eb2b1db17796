"""Clients for the other services: S3 objects, SNS messages, and EventBridge events to SQS targets."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfileobj
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from headrace.streams.rules import InvalidPatternError, Pattern

# One connection for each thread.
_CONFIG = Config(max_pool_connections=50)
# For presigned URLs, which botocore signs with version 2 in some regions.
_S3_CONFIG = _CONFIG.merge(Config(signature_version="s3v4"))
_SERVICE_FAULT = 500

log = logging.getLogger(__name__)


class CloudError(Exception):
    """A call to another service failed."""


class CloudRefusedError(CloudError):
    """The resource is missing or access is denied; a retry does not help."""


class CloudUnreachableError(CloudError):
    """No response, or one that asks for a retry."""


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        later = error.response["ResponseMetadata"]["HTTPStatusCode"] >= _SERVICE_FAULT
        raise (CloudUnreachableError if later else CloudRefusedError)(str(error)) from error
    except BotoCoreError as error:
        raise CloudUnreachableError(str(error)) from error


class AwsClients:
    """Clients of S3, SNS, EventBridge and SQS, configured by the SDK's variables (`AWS_ENDPOINT_URL_S3`, ...).

    Raises `CloudError` when a variable is missing.
    """

    def __init__(self, **client_options: Any) -> None:
        with _translated():
            session: Any = boto3.Session()  # the stubs only have overloads for literal service names
            self._s3 = session.client("s3", config=_S3_CONFIG, **client_options)
            self._sns, self._sqs, self._events = (
                session.client(name, config=_CONFIG, **client_options) for name in ("sns", "sqs", "events")
            )

    @property
    def region(self) -> str:
        """The AWS region of all clients."""
        return str(self._s3.meta.region_name)

    def size(self, bucket: str, key: str, version: str | None = None) -> int:
        """Return the size of an object in bytes. Raises `CloudRefusedError` if it is missing."""
        with _translated():
            return int(self._s3.head_object(Bucket=bucket, Key=key, **_version(version))["ContentLength"])

    def read(self, bucket: str, key: str, version: str | None = None) -> bytes:
        """Return the bytes of a small object. Raises `CloudRefusedError` if it is missing."""
        with _translated():
            return bytes(self._s3.get_object(Bucket=bucket, Key=key, **_version(version))["Body"].read())

    def fetch(self, bucket: str, key: str, to: Path, version: str | None = None) -> None:
        """Copy an object into the file `to`. Raises `CloudRefusedError` if it is missing."""
        with _translated(), to.open("wb") as file:
            copyfileobj(self._s3.get_object(Bucket=bucket, Key=key, **_version(version))["Body"], file, 1 << 20)

    def write(self, bucket: str, key: str, body: bytes, content_type: str) -> None:
        """Put an object. Raises `CloudRefusedError` if the bucket is missing."""
        with _translated():
            self._s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)

    def ensure_bucket(self, bucket: str) -> None:
        """Create a bucket if it is missing."""
        with _translated():
            self._s3.create_bucket(Bucket=bucket)

    def presigned(self, bucket: str, key: str, seconds: int) -> str:
        """Return a URL that reads an object without credentials for `seconds`."""
        arguments = {"Bucket": bucket, "Key": key}
        return str(self._s3.generate_presigned_url("get_object", Params=arguments, ExpiresIn=seconds))

    def publish(self, topic_arn: str, message: Mapping[str, Any]) -> None:
        """Publish a JSON message to an SNS topic."""
        with _translated():
            self._sns.publish(TopicArn=topic_arn, Message=json.dumps(message))

    def emit(self, event: Mapping[str, Any]) -> None:
        """Send an event to the SQS targets of every matching rule; missing targets are logged and skipped.

        PutEvents rejects sources that begin with `aws.`, so each rule's pattern is tested here.
        """
        with _translated():
            queues = [arn for rule in self._rules_for(event) for arn in self._queues_of(rule)]
        for arn in queues:
            try:
                self._send(arn, json.dumps(event))
            except CloudRefusedError as error:
                log.warning("event_target_failed target=%s reason=%s", arn, error)

    def _send(self, queue_arn: str, body: str) -> None:
        with _translated():
            url = self._sqs.get_queue_url(QueueName=queue_arn.rsplit(":", 1)[1])["QueueUrl"]
            self._sqs.send_message(QueueUrl=url, MessageBody=body)

    def _rules_for(self, event: Mapping[str, Any]) -> Iterator[str]:
        for page in self._events.get_paginator("list_rules").paginate():
            for rule in page["Rules"]:
                if rule["State"] == "ENABLED" and "EventPattern" in rule and _matches(rule["EventPattern"], event):
                    yield rule["Name"]

    def _queues_of(self, rule: str) -> Iterator[str]:
        for page in self._events.get_paginator("list_targets_by_rule").paginate(Rule=rule):
            yield from (target["Arn"] for target in page["Targets"] if target["Arn"].startswith("arn:aws:sqs:"))


def _matches(pattern: str, event: Mapping[str, Any]) -> bool:
    try:
        return Pattern(json.loads(pattern)).matches(event)
    except (ValueError, InvalidPatternError) as error:
        log.warning("rule_pattern_invalid reason=%s", error)
        return False


def _version(version: str | None) -> dict[str, str]:
    return {} if version is None else {"VersionId": version}
