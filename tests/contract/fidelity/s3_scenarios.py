"""Scenarios of S3: notifications to each target."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.contract.fidelity.local_aws import LocalAws, LocalQueue, unique
from tests.contract.fidelity.scenario import Answers, Scenario

BEFORE = ("before", "before-2", "before-3")
EVENTS = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]

Act = Callable[[Any, str], object]
"""What a scenario does with a client of S3 and a bucket."""


def put_two(s3: Any, bucket: str) -> None:
    """Put two objects."""
    for number in range(2):
        s3.put_object(Bucket=bucket, Key=f"my_key_{number}", Body=b"something")


def put_one(s3: Any, bucket: str, key: str = "my_key") -> None:
    """Put one object."""
    s3.put_object(Bucket=bucket, Key=key, Body=b"something")


def copy_one(s3: Any, bucket: str) -> None:
    """Copy an object that was put before there was a notification."""
    s3.copy_object(Bucket=bucket, Key="copied", CopySource={"Bucket": bucket, "Key": "before"})


def put_copy_delete(s3: Any, bucket: str) -> None:
    """Put, copy and delete."""
    put_one(s3, bucket)
    s3.copy_object(Bucket=bucket, Key="copied", CopySource={"Bucket": bucket, "Key": "my_key"})
    s3.delete_object(Bucket=bucket, Key="my_key")


def upload_in_parts(s3: Any, bucket: str) -> None:
    """Upload one part."""
    upload = s3.create_multipart_upload(Bucket=bucket, Key="test-key")["UploadId"]
    named: dict[str, Any] = {"Bucket": bucket, "Key": "test-key", "UploadId": upload}
    part = s3.upload_part(**named, PartNumber=1, Body=b"x" * 6144)
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})


def delete_batch(s3: Any, bucket: str) -> None:
    """Delete all objects by one request."""
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in BEFORE]})


def notified(aws: LocalAws, act: Act, count: int) -> list[dict[str, Any]]:
    """Return the records of `count` notifications to a queue."""
    s3, bucket, queue = bucket_of(aws)
    configuration = {"QueueConfigurations": [{"QueueArn": queue.arn, "Events": EVENTS}]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    act(s3, bucket)
    return [record for body in aws.bodies(queue, count) for record in body["Records"]]


def bucket_of(aws: LocalAws) -> tuple[Any, str, LocalQueue]:
    """Return a client, a new bucket with objects, and a queue."""
    s3, bucket = aws.client("s3"), unique()
    s3.create_bucket(Bucket=bucket)
    for key in BEFORE:
        s3.put_object(Bucket=bucket, Key=key, Body=b"something")
    return s3, bucket, aws.queue()


def received(test: str, act: Act, count: int = 1) -> Scenario:
    """Return a scenario of notifications to a queue."""

    def run(aws: LocalAws) -> Answers:
        return {"receive_messages": {"messages": notified(aws, act, count)}}

    return Scenario("s3_notifications_sqs", test, ("S3 event to SQS",), ("receive_messages",), run)


def versioned(aws: LocalAws) -> Answers:
    """Put two versions, delete the key and a version; then suspend versioning."""
    s3, bucket, queue = aws.client("s3"), unique(), aws.queue()
    s3.create_bucket(Bucket=bucket)
    configuration = {"QueueConfigurations": [{"QueueArn": queue.arn, "Events": EVENTS}]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    named: dict[str, Any] = {"Bucket": bucket, "Key": "test-key"}
    first = s3.put_object(**named, Body=b"data")
    second = s3.put_object(**named, Body=b"data version2")
    marker = s3.delete_object(**named)
    deleted = s3.delete_object(**named, VersionId=first["VersionId"])
    active = [body["Records"][0] for body in aws.bodies(queue, 4)]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    return {
        "obj-ver1": first,
        "obj-ver2": second,
        "delete-marker": marker,
        "delete-version": deleted,
        "message-versioning-active": active,
        "add-null-version": s3.put_object(**named, Body=b"data version3"),
        "del-delete-marker": s3.delete_object(**named, VersionId=marker["VersionId"]),
        "message-versioning-suspended": [body["Records"][0] for body in aws.bodies(queue, 2)],
    }


def to_event_bus(aws: LocalAws, s3: Any, bucket: str, queue: LocalQueue) -> None:
    """Send the events of a bucket to EventBridge, and from there to a queue."""
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    events, rule = aws.client("events"), unique()[:64]
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": queue.arn}])


def created_and_deleted_on_bus(aws: LocalAws) -> Answers:
    """Put and delete an object."""
    s3, bucket, queue = bucket_of(aws)
    to_event_bus(aws, s3, bucket, queue)
    put_one(s3, bucket)
    s3.delete_object(Bucket=bucket, Key="my_key")
    created, deleted = sorted(aws.bodies(queue, 2), key=lambda each: str(each["detail-type"]))
    return {"object_created": created, "object_deleted": deleted}


def notified_by_topic(aws: LocalAws) -> Answers:
    """Put two objects with notifications to a topic, which delivers to a queue."""
    s3, bucket, queue = bucket_of(aws)
    sns = aws.client("sns")
    topic = sns.create_topic(Name=unique())["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    configuration = {"TopicConfigurations": [{"TopicArn": topic, "Events": EVENTS}]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    put_two(s3, bucket)
    return {"receive_messages": {"messages": aws.bodies(queue, 2)}}


def filtered(aws: LocalAws) -> Answers:
    """Put objects inside and outside a prefix and a suffix, and read the configuration."""
    s3, bucket, queue = bucket_of(aws)
    rules = [{"Name": "prefix", "Value": "testupload/"}, {"Name": "suffix", "Value": "testfile.txt"}]
    configured: dict[str, Any] = {"QueueArn": queue.arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"]}
    configured["Filter"] = {"Key": {"FilterRules": rules}}
    other = {"QueueArn": queue.arn, "Events": ["s3:ObjectTagging:*"], "Filter": configured["Filter"], "Id": "id0002"}
    configure = partial(s3.put_bucket_notification_configuration, Bucket=bucket)
    configure(NotificationConfiguration={"QueueConfigurations": [configured, other]})
    found = {"config": s3.get_bucket_notification_configuration(Bucket=bucket)}
    put_one(s3, bucket, "another/testfile.txt")
    put_one(s3, bucket, "testupload/dir1/testfile.txt")
    found["message"] = aws.bodies(queue, 1)[0]["Records"][0]
    configure(NotificationConfiguration={})
    return found | {"config_empty": s3.get_bucket_notification_configuration(Bucket=bucket)}


VERSIONED = (
    "obj-ver1",
    "obj-ver2",
    "delete-marker",
    "delete-version",
    "add-null-version",
    "del-delete-marker",
    "message-versioning-active",
    "message-versioning-suspended",
)
SCENARIOS = (
    received("test_object_created_put", put_two, 2),
    received("test_object_created_copy", copy_one),
    received("test_object_created_and_object_removed", put_copy_delete, 3),
    received("test_object_created_complete_multipart_upload", upload_in_parts),
    received("test_key_encoding", partial(put_one, key="a@b")),
    received("test_delete_objects", delete_batch, len(BEFORE)),
    Scenario(
        "s3_notifications_sqs",
        "test_object_created_put_versioned",
        ("S3 event to SQS", "s3:PutObject", "s3:DeleteObject"),
        VERSIONED,
        versioned,
    ),
    Scenario(
        "s3_notifications_sqs",
        "test_notifications_with_filter",
        ("s3:PutBucketNotificationConfiguration", "s3:GetBucketNotificationConfiguration"),
        ("config", "message", "config_empty"),
        filtered,
    ),
    Scenario(
        "s3_notifications_sns",
        "test_object_created_put",
        ("S3 event to SNS",),
        ("receive_messages",),
        notified_by_topic,
    ),
    Scenario(
        "s3_notifications_eventbridge",
        "test_object_created_put",
        ("S3 event to EventBridge",),
        ("object_created", "object_deleted"),
        created_and_deleted_on_bus,
    ),
)
