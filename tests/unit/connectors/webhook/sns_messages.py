"""What AWS sends, as it sends it. Every builder gives something valid; a test names only what it is about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

FIXTURES = Path(__file__).parents[1] / "fixtures"
TOPIC = "arn:aws:sns:us-east-1:000000000000:media"
TOKEN = "labels-" + "0123456789abcdef" * 2 + "01234567"


def fixture(name: str) -> Any:
    """An event as AWS delivered it."""
    return json.loads((FIXTURES / name).read_text("utf-8"))


def record(key: str = "a.jpg", event: str = "ObjectCreated:Put", version: str = "2.1", **found: Any) -> dict[str, Any]:
    """One record of an S3 notification; the key is encoded as S3 does."""
    given = {"key": quote_plus(key, safe="/"), "size": 10, "eTag": "e1", "sequencer": "0A", **found}
    return {
        "eventVersion": version,
        "eventSource": "aws:s3",
        "awsRegion": "eu-west-1",
        "eventTime": "2026-03-14T15:09:26.535Z",
        "eventName": event,
        "s3": {"bucket": {"name": "media"}, "object": given},
    }


def notification(*records: dict[str, Any]) -> str:
    """A notification by S3 itself."""
    return json.dumps({"Records": records or [record()]})


def bridged(key: str = "a.jpg", kind: str = "Object Created", **detail: Any) -> str:
    """The same event by EventBridge, whose keys are as they are."""
    found = {"key": key, "size": 10, "etag": "e1", "sequencer": "0A", **detail.pop("object", {})}
    given = {"bucket": {"name": "media"}, "object": found, "reason": "PutObject", **detail}
    return event("aws.s3", kind, given)


def event(source: str, kind: str, detail: dict[str, Any], **changes: Any) -> str:
    """An event of EventBridge."""
    given = {"version": "0", "id": "e-1", "account": "000000000000", "region": "eu-west-1", "resources": []}
    time = "2026-03-14T15:09:26Z"
    return json.dumps({**given, "detail-type": kind, "source": source, "time": time, "detail": detail, **changes})


def sns(message: str, **changes: Any) -> str:
    """A message that came through SNS, wrapped."""
    envelope = {
        "Type": "Notification",
        "MessageId": "m-1",
        "TopicArn": TOPIC,
        "Message": message,
        "Timestamp": "2026-03-14T15:09:26.535Z",
        "SignatureVersion": "1",
        "Signature": "FAKE",
        "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/x.pem",
        "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
    }
    return json.dumps({**envelope, **changes})


def completion(**changes: Any) -> str:
    """Return the completion message of Rekognition for a Headrace job."""
    given = {"JobId": "j-1", "Status": "SUCCEEDED", "API": "StartLabelDetection", "JobTag": TOKEN}
    where = {"Timestamp": 1773500966535, "Video": {"S3ObjectName": "a.mp4", "S3Bucket": "media"}}
    return json.dumps({**given, **where, **changes})


def transcription(**changes: Any) -> str:
    """Return the completion event of Transcribe for a Headrace job."""
    detail = {"TranscriptionJobName": TOKEN, "TranscriptionJobStatus": "COMPLETED", **changes}
    return event("aws.transcribe", "Transcribe Job State Change", detail)


def automation(outcome: str = "Succeeded", **changes: Any) -> str:
    """Return the event of Bedrock Data Automation for the end of a Headrace job, as AWS documents it."""
    detail = {
        "job_id": "25010344-03f7-4167-803a-837afdc7ce98",
        "job_status": "SUCCESS",
        "semantic_modality": "Document",
        "input_s3_object": {"s3_bucket": "media", "name": "a.pdf"},
        "output_s3_location": {"s3_bucket": "results", "name": f"_insights/{TOKEN}/25010344-03f7-4167-803a/0"},
        "error_message": "",
        **changes,
    }
    return event("aws.bedrock", f"Bedrock Data Automation Job {outcome}", detail)


def conversion(status: str = "COMPLETE", **changes: Any) -> str:
    """Return a status event of MediaConvert for a Headrace job."""
    detail = {"timestamp": 1773500966535, "jobId": "1-a", "status": status, "userMetadata": {"token": TOKEN}, **changes}
    return event("aws.mediaconvert", "MediaConvert Job State Change", detail)
