"""Completions of Headrace jobs become records; those of other jobs become AWS events."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.connectors.events.parser import parse_message
from headrace.connectors.events.results import Ignored, Parsed, Rejected
from headrace.schemas.records import AwsEvent, JobFinished
from headrace.schemas.redaction import PLACEHOLDER
from tests.unit.connectors.webhook import sns_messages

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WHEN = datetime(2026, 3, 14, 15, 9, 26, 535000, tzinfo=UTC)


def event_of(body: str) -> Any:
    found = parse_message(body, NOW)
    assert isinstance(found, Parsed), found
    return found.events[0][0]


def id_of(body: str) -> str:
    found = parse_message(body, NOW)
    assert isinstance(found, Parsed), found
    return found.events[0][1].id


@pytest.mark.parametrize("spelling", ["StartLabelDetection", "LABEL_DETECTION"])
def test_both_spellings_of_an_operation_give_one_record(spelling: str) -> None:
    assert event_of(sns_messages.completion(API=spelling)) == JobFinished(
        token=sns_messages.TOKEN,
        service="rekognition",
        operation="StartLabelDetection",
        job_id="j-1",
        status="succeeded",
        finished_at=WHEN,
    )


@pytest.mark.parametrize(("status", "ending"), [("SUCCEEDED", "succeeded"), ("FAILED", "failed"), ("ERROR", "failed")])
def test_every_final_status_is_recognised(status: str, ending: str) -> None:
    assert event_of(sns_messages.completion(Status=status)).status == ending


def test_failure_has_a_reason() -> None:
    assert event_of(sns_messages.completion(Status="FAILED", Message="codec")).message == "codec"
    assert event_of(sns_messages.completion(Status="FAILED")).message == "FAILED"


def test_reason_of_a_failure_is_safe_text() -> None:
    job = event_of(sns_messages.completion(Status="FAILED", Message="token=CANARY\n\x1b[31m"))
    assert job.message == rf"token={PLACEHOLDER}\n\x1b[31m"


def test_intermediate_status_does_not_complete_a_job() -> None:
    assert isinstance(event_of(sns_messages.completion(Status="IN_PROGRESS")), AwsEvent)


def test_textract_is_recognised_by_its_document_location() -> None:
    where = {"DocumentLocation": {"S3ObjectName": "a.pdf", "S3Bucket": "media"}}
    found = event_of(sns_messages.completion(API="StartDocumentTextDetection", Status="PARTIAL_SUCCESS", **where))

    assert (found.service, found.operation, found.status) == ("textract", "StartDocumentTextDetection", "succeeded")


def test_completion_without_a_time_uses_the_receive_time() -> None:
    assert event_of(sns_messages.completion(Timestamp=None)).finished_at == NOW


@pytest.mark.parametrize(("state", "ending"), [("COMPLETED", "succeeded"), ("FAILED", "failed")])
def test_transcription_is_recognised_by_its_name(state: str, ending: str) -> None:
    found = event_of(sns_messages.transcription(TranscriptionJobStatus=state, FailureReason="silence"))

    assert (found.service, found.token, found.job_id, found.status) == (
        "transcribe",
        sns_messages.TOKEN,
        sns_messages.TOKEN,
        ending,
    )
    assert found.message == ("silence" if ending == "failed" else None)


@pytest.mark.parametrize(("status", "ending"), [("COMPLETE", "succeeded"), ("ERROR", "failed"), ("CANCELED", "failed")])
def test_conversion_token_is_read_from_its_metadata(status: str, ending: str) -> None:
    found = event_of(sns_messages.conversion(status, userMetadata={"team": "video", "job": sns_messages.TOKEN}))

    assert (found.service, found.token, found.job_id, found.status) == (
        "mediaconvert",
        sns_messages.TOKEN,
        "1-a",
        ending,
    )
    assert found.finished_at == WHEN


def synthesis(status: str = "COMPLETED", folder: str = sns_messages.TOKEN) -> str:
    """What Polly publishes of a task."""
    uri = f"https://s3.us-east-1.amazonaws.com/results/_polly/{folder}/.t-1.mp3"
    return json.dumps({"taskId": "t-1", "taskStatus": status, "outputUri": uri, "taskStatusReason": "no voice"})


@pytest.mark.parametrize(
    ("status", "ending"), [("COMPLETED", "succeeded"), ("completed", "succeeded"), ("FAILED", "failed")]
)
def test_polly_task_is_recognised_by_its_output_folder(status: str, ending: str) -> None:
    found = event_of(synthesis(status))

    assert (found.service, found.operation) == ("polly", "StartSpeechSynthesisTask")
    assert (found.token, found.job_id, found.status) == (sns_messages.TOKEN, "t-1", ending)
    assert found.message == ("no voice" if ending == "failed" else None)


@pytest.mark.parametrize("body", [synthesis(folder="mine"), synthesis("SCHEDULED")])
def test_other_polly_messages_become_aws_events(body: str) -> None:
    assert isinstance(event_of(body), AwsEvent)


@pytest.mark.parametrize("status", ["STATUS_UPDATE", "PROGRESSING", "INPUT_INFORMATION"])
def test_conversion_progress_is_ignored(status: str) -> None:
    assert isinstance(parse_message(sns_messages.conversion(status), NOW), Ignored)


@pytest.mark.parametrize("status", ["NEW_WARNING", "QUEUE_HOP"])
def test_other_conversion_statuses_become_aws_events(status: str) -> None:
    assert isinstance(event_of(sns_messages.conversion(status)), AwsEvent)


@pytest.mark.parametrize(
    "body",
    [
        sns_messages.completion(JobTag="nightly"),
        sns_messages.completion(JobTag=None),
        sns_messages.transcription(TranscriptionJobName="interview-7"),
        sns_messages.conversion(userMetadata={"customer": "7"}),
        sns_messages.conversion(userMetadata={"a": sns_messages.TOKEN, "b": sns_messages.TOKEN.replace("0", "1")}),
        sns_messages.conversion(userMetadata=None),
    ],
)
def test_jobs_of_other_applications_become_aws_events(body: str) -> None:
    found = event_of(body)

    assert isinstance(found, AwsEvent)
    assert found.body == body


@pytest.mark.parametrize("make", [sns_messages.completion, sns_messages.transcription, sns_messages.conversion])
def test_id_depends_on_the_completion(make: Any) -> None:
    other = {"JobId": "j-2"} if make is sns_messages.completion else {}
    other = {"TranscriptionJobStatus": "FAILED"} if make is sns_messages.transcription else other
    other = {"jobId": "1-b"} if make is sns_messages.conversion else other

    assert id_of(make()) == id_of(sns_messages.sns(make())) != id_of(make(**other))


def test_completion_has_a_subject_and_no_correlation_id() -> None:
    found = parse_message(sns_messages.completion(), NOW)

    assert isinstance(found, Parsed)
    envelope = found.events[0][1]
    assert (envelope.subject, envelope.source, envelope.correlation_id) == (sns_messages.TOKEN, "aws.rekognition", "")


@pytest.mark.parametrize(
    ("outcome", "ending"),
    [
        ("Succeeded", "succeeded"),
        ("Failed With Client Error", "failed"),
        ("Failed With Service Error", "failed"),
    ],
)
def test_data_automation_job_is_recognised_by_its_output_folder(outcome: str, ending: str) -> None:
    found = event_of(sns_messages.automation(outcome, error_message="too long"))

    assert (found.service, found.operation) == ("bedrock-data-automation-runtime", "InvokeDataAutomationAsync")
    assert (found.token, found.status) == (sns_messages.TOKEN, ending)
    assert found.message == ("too long" if ending == "failed" else None)


@pytest.mark.parametrize(
    ("region", "partition"), [("us-west-2", "aws"), ("us-gov-west-1", "aws-us-gov"), ("cn-north-1", "aws-cn")]
)
def test_data_automation_job_has_the_id_that_its_start_returned(region: str, partition: str) -> None:
    """`overdue` emits the same completion: both have one id if both have the ARN of the invocation."""
    body = json.dumps({**json.loads(sns_messages.automation()), "region": region})
    invocation = "data-automation-invocation/25010344-03f7-4167-803a-837afdc7ce98"
    assert event_of(body).job_id == f"arn:{partition}:bedrock:{region}:000000000000:{invocation}"


@pytest.mark.parametrize(
    "body",
    [
        sns_messages.automation("Created"),
        sns_messages.automation(output_s3_location={"s3_bucket": "results", "name": "mine/0"}),
        sns_messages.automation(output_s3_location=None),
        sns_messages.event("aws.bedrock", "Batch Inference Job State Change", {"status": "Completed"}),
    ],
)
def test_other_events_of_bedrock_become_aws_events(body: str) -> None:
    assert isinstance(event_of(body), AwsEvent)


def test_data_automation_job_without_an_id_is_rejected() -> None:
    assert isinstance(parse_message(sns_messages.automation(job_id=""), NOW), Rejected)
