"""S3, SQS and SNS for commands."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from pathlib import Path

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import BotoCoreError, ClientError

from headrace.connectors.aws.client import AwsCallError, AwsSession
from headrace.console.errors import CommandError
from headrace.schemas.parsing import parse_int


def upload(aws: AwsSession, path: Path, bucket: str, key: str) -> str:
    """Upload a file and return its version id, or its ETag if the bucket is unversioned."""
    content_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    aws.client("s3").upload_file(str(path), bucket, key, ExtraArgs={"ContentType": content_type})
    head = aws.client("s3").head_object(Bucket=bucket, Key=key)
    version_id = head.get("VersionId", "null")
    return str(head["ETag"]).strip('"') if version_id == "null" else str(version_id)


def check_bucket(aws: AwsSession, name: str) -> None:
    """Check that the bucket exists and is readable; raises the error of botocore if not."""
    aws.client("s3").head_bucket(Bucket=name)


def check_queue(aws: AwsSession, url: str) -> int:
    """Return the approximate number of messages in a queue."""
    answer = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return parse_int(answer["Attributes"]["ApproximateNumberOfMessages"])


def check_topic(aws: AwsSession, arn: str) -> int:
    """Return the number of subscriptions of an SNS topic."""
    return len(aws.client("sns").list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"])


def delete_faces(aws: AwsSession, collection: str, faces: Sequence[str]) -> list[str]:
    """Delete at most 4,096 faces of a collection of Rekognition; return those that were in it.

    Raises:
        CommandError: the collection does not exist.
    """
    client = aws.client("rekognition")
    try:
        return list(client.delete_faces(CollectionId=collection, FaceIds=list(faces)).get("DeletedFaces", ()))
    except ClientError as error:
        if error.response["Error"].get("Code") == "ResourceNotFoundException":
            raise CommandError(f"there is no collection {collection}: name it with --collection") from error
        raise


def list_keys(aws: AwsSession, bucket: str, prefix: str) -> list[str]:
    """List the keys of the objects under a prefix."""
    pages = aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [each["Key"] for page in pages for each in page.get("Contents", ())]


def delete_object(aws: AwsSession, bucket: str, key: str) -> None:
    """Delete an object. One that does not exist is no error."""
    aws.client("s3").delete_object(Bucket=bucket, Key=key)


def empty(aws: AwsSession, bucket: str, folder: str) -> int:
    """Delete every object under a prefix, and return their number."""
    number = 0
    for page in aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder):
        if keys := [{"Key": each["Key"]} for each in page.get("Contents", ())]:
            aws.client("s3").delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
            number += len(keys)
    return number


def describe_error(error: Exception) -> str | None:
    """Describe an error of the SDK in one line; None for any other error."""
    if isinstance(error, S3UploadFailedError) and isinstance(error.__context__, ClientError):
        error = error.__context__
    if isinstance(error, ClientError):
        details = error.response["Error"]
        return f"AWS rejected {error.operation_name}: {details.get('Code', '')} {details.get('Message', '')}".strip()
    if isinstance(error, BotoCoreError | S3UploadFailedError | AwsCallError):
        return f"AWS: {error}"
    return None


def regions_of(service: str, partition: str) -> frozenset[str]:
    """Return the regions of a service that botocore lists."""
    import boto3

    return frozenset(boto3.session.Session().get_available_regions(service, partition))


def region(aws: AwsSession) -> str:
    """Return the region of all calls. Raises `AwsCallError` or the error of botocore if none is configured."""
    return str(aws.client("sqs").meta.region_name)
