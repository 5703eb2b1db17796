"""Scenarios of S3: rejected configurations of notifications, and conditional copies."""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.contract.fidelity.local_aws import LocalAws, error_of, unique
from tests.contract.fidelity.s3_scenarios import EVENTS, bucket_of
from tests.contract.fidelity.scenario import Answers, Scenario

ARN = "arn:aws:sqs:us-east-1:000000000000"


def invalid_target(aws: LocalAws, kind: str, member: str, missing: str = "") -> Answers:
    """Configure a target that is no ARN, and one that does not exist."""
    s3, bucket, _ = bucket_of(aws)

    def rejected(arn: str) -> Any:
        configuration = {f"{kind}Configurations": [{member: arn, "Events": EVENTS[:1]}]}
        return error_of(
            s3.put_bucket_notification_configuration, Bucket=bucket, NotificationConfiguration=configuration
        )

    found = {"invalid_not_skip": rejected(f"invalid-{kind.lower()}")}
    return found | ({"queue-does-not-exist": rejected(missing)} if missing else {})


def missing_bucket(aws: LocalAws) -> Answers:
    """Read the configuration of a bucket that does not exist."""
    return {"bucket_not_exists": error_of(aws.client("s3").get_bucket_notification_configuration, Bucket=unique())}


def conditional_copies(aws: LocalAws) -> Answers:
    """Copy an object under conditions that do not hold, and under one that does."""
    s3, bucket = aws.client("s3"), unique()
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="source", Body=b"data")
    head = s3.head_object(Bucket=bucket, Key="source")
    copy: dict[str, Any] = {"Bucket": bucket, "Key": "target", "CopySource": {"Bucket": bucket, "Key": "source"}}
    return {
        "head-object": head,
        "copy-precondition-if-match": error_of(s3.copy_object, **copy, CopySourceIfMatch='"other"'),
        "copy-precondition-if-none-match": error_of(s3.copy_object, **copy, CopySourceIfNoneMatch=head["ETag"]),
        "copy-success": s3.copy_object(**copy, CopySourceIfMatch=head["ETag"]),
    }


CONDITIONAL = ("head-object", "copy-precondition-if-match", "copy-precondition-if-none-match", "copy-success")
CONFIGURE = ("s3:PutBucketNotificationConfiguration",)

SCENARIOS = (
    Scenario(
        "s3_notifications_sqs",
        "test_invalid_sqs_arn",
        CONFIGURE,
        ("invalid_not_skip", "queue-does-not-exist"),
        partial(invalid_target, kind="Queue", member="QueueArn", missing=f"{ARN}:my-queue"),
    ),
    Scenario(
        "s3_notifications_sns",
        "test_invalid_topic_arn",
        CONFIGURE,
        ("invalid_not_skip",),
        partial(invalid_target, kind="Topic", member="TopicArn"),
    ),
    Scenario(
        "s3_notifications_sns",
        "test_bucket_not_exist",
        ("s3:GetBucketNotificationConfiguration",),
        ("bucket_not_exists",),
        missing_bucket,
    ),
    Scenario(
        "s3_preconditions",
        "test_s3_copy_object_preconditions",
        ("s3:CopyObject", "s3:HeadObject"),
        CONDITIONAL,
        conditional_copies,
    ),
)
