"""Clients, requests and local AWS for the tests of the AI endpoint."""

from __future__ import annotations

import io
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import boto3
import pytest
import zxingcpp
from botocore.config import Config
from botocore.exceptions import ClientError
from PIL import Image

MEDIA = Path(__file__).parents[2] / "sandbox" / "media"
BUCKET = "ai-media"
ROLE = "arn:aws:iam::000000000000:role/headrace-rekognition"

Found = TypeVar("Found")


def credentials(url: str) -> dict[str, str]:
    """Client options for a local endpoint."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return {"endpoint_url": url, "region_name": "us-east-1", **keys}


def connect(service: str, url: str) -> Any:
    """A client without retries, so that a test sees each response."""
    client: Any = boto3.client  # the stubs know a type for each service, and a name that varies fits none
    return client(service, **credentials(url), config=Config(retries={"total_max_attempts": 1}))


def wait_until(condition: Callable[[], Found], seconds: float = 100.0) -> Found:
    """Poll until the result is true and return it; fail at the deadline."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)
    return found


@dataclass(frozen=True)
class Aws:
    """The local AWS with a topic and an EventBridge rule that both send to one queue."""

    s3: Any
    sqs: Any
    events: Any
    topic: str
    rule: str
    queue: str

    def put(self, key: str, body: bytes) -> str:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return key

    def text(self, key: str) -> str:
        return str(self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode())

    def received(self, seconds: int = 5) -> list[dict[str, Any]]:
        """Receive the next messages; none if none arrive in time."""
        answer = self.sqs.receive_message(QueueUrl=self.queue, WaitTimeSeconds=seconds, MaxNumberOfMessages=10)
        messages = answer.get("Messages", [])
        for message in messages:
            self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in messages]

    def completion(self) -> dict[str, Any]:
        """Receive the only completion without its SNS envelope."""
        (envelope,) = wait_until(self.received)
        return dict(json.loads(envelope["Message"]))

    def ended(self) -> dict[str, Any]:
        """Receive the only event and return its transcription job details."""
        (event,) = wait_until(self.received)
        return dict(event["detail"])


def in_s3(key: str) -> dict[str, Any]:
    return {"S3Object": {"Bucket": BUCKET, "Name": key}}


def video(aws: Aws, key: str = "rabbit.mp4", **options: object) -> dict[str, Any]:
    """A request for a video job of Rekognition."""
    return {"Video": in_s3(key), "NotificationChannel": {"SNSTopicArn": aws.topic, "RoleArn": ROLE}, **options}


def speech(name: str, key: str = "jfk.flac", **options: Any) -> dict[str, Any]:
    """A request for a Transcribe job."""
    media = {"MediaFileUri": f"s3://{BUCKET}/{key}"}
    return {
        "TranscriptionJobName": name,
        "Media": media,
        "OutputBucketName": BUCKET,
        "LanguageCode": "en-US",
        **options,
    }


def png(colour: str, size: tuple[int, int] = (200, 100)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def qr(text: str) -> bytes:
    """A PNG of a QR code."""
    file = io.BytesIO()
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode)
    Image.fromarray(zxingcpp.write_barcode_to_image(code, scale=8)).save(file, "PNG")
    return file.getvalue()


def http(url: str, method: str = "GET", body: object = None) -> Any:
    """The JSON at a URL."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, method=method)) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        error.add_note(error.read().decode(errors="replace"))
        raise


def refusal(call: Callable[..., object], **params: object) -> tuple[str, int]:
    """Return the error code and HTTP status of a rejected call."""
    with pytest.raises(ClientError) as raised:
        call(**params)
    answer = raised.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def names(labels: list[dict[str, Any]]) -> set[str]:
    return {label["Name"] for label in labels}
