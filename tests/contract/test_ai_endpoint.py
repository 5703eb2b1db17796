"""Tests of the AI endpoint: limits, injected faults, ledger, and state after a restart."""

from __future__ import annotations

import json
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headrace.sandbox.ai.app import AiSettings
from tests.contract.ai import BUCKET, MEDIA, Aws, connect, http, in_s3, png, refusal, speech, video, wait_until

pytestmark = pytest.mark.system


def test_rejects_requests_that_violate_the_model(aws: Aws, rekognition: Any, transcribe: Any) -> None:
    start = rekognition.start_label_detection
    assert refusal(start, **video(aws, ClientRequestToken="x" * 65)) == ("ValidationException", 400)
    assert refusal(start, **video(aws, ClientRequestToken="a b")) == ("ValidationException", 400)
    assert refusal(start, **video(aws, JobTag="x" * 1025)) == ("ValidationException", 400)
    assert refusal(transcribe.start_transcription_job, **speech("a job")) == ("BadRequestException", 400)


def test_limits_concurrent_jobs_to_twenty(aws: Aws, serve: Any) -> None:
    with serve(AiSettings(data=None, job_seconds=600.0)) as url:
        rekognition = connect("rekognition", url)
        started = [rekognition.start_label_detection(Video=in_s3("rabbit.mp4"))["JobId"] for _ in range(20)]
        one_more = refusal(rekognition.start_content_moderation, Video=in_s3("rabbit.mp4"))
        answer = rekognition.get_label_detection(JobId=started[0])
    assert one_more == ("LimitExceededException", 400)
    assert (answer["JobStatus"], answer["Labels"]) == ("IN_PROGRESS", [])


def test_jobs_continue_after_a_restart(aws: Aws, serve: Any, tmp_path: Path) -> None:
    request = video(aws, ClientRequestToken="restart")
    with serve(AiSettings(tmp_path, job_seconds=1.5)) as url:
        before = connect("rekognition", url).start_label_detection(**request)["JobId"]
    with serve(AiSettings(tmp_path, job_seconds=1.5)) as url:
        assert connect("rekognition", url).start_label_detection(**request)["JobId"] == before
        assert aws.completion()["JobId"] == before
        assert connect("rekognition", url).get_label_detection(JobId=before)["JobStatus"] == "SUCCEEDED"
    with serve(AiSettings(tmp_path, job_seconds=1.5)) as url:
        assert aws.received(seconds=1) == []
        assert http(f"{url}/ledger")["jobs_unique"] == 1


def test_injects_throttling_and_server_errors(
    aws: Aws, rekognition: Any, transcribe: Any, fault: Callable[..., None]
) -> None:
    fault("DetectLabels", "throttle", count=1)
    assert refusal(rekognition.detect_labels, Image=in_s3("bottles.jpg")) == ("ThrottlingException", 500)
    assert rekognition.detect_labels(Image=in_s3("bottles.jpg"))["Labels"]
    fault("*", "error_500", count=2)
    assert refusal(rekognition.detect_labels, Image=in_s3("bottles.jpg")) == ("InternalServerError", 500)
    assert refusal(transcribe.list_transcription_jobs) == ("InternalFailureException", 500)


def test_error_after_effect_keeps_the_job(aws: Aws, rekognition: Any, ai_url: str, fault: Callable[..., None]) -> None:
    fault("StartLabelDetection", "error_after_effect", count=1)
    request = video(aws, ClientRequestToken="after-effect")
    assert refusal(rekognition.start_label_detection, **request) == ("InternalServerError", 500)
    job_id = rekognition.start_label_detection(**request)["JobId"]
    assert aws.completion()["JobId"] == job_id
    assert http(f"{ai_url}/ledger?token=after-effect")["jobs_unique"] == 1


def test_injects_a_lost_completion(aws: Aws, rekognition: Any, fault: Callable[..., None]) -> None:
    fault("StartLabelDetection", "lost_completion", count=1)
    job_id = rekognition.start_label_detection(**video(aws))["JobId"]
    wait_until(lambda: rekognition.get_label_detection(JobId=job_id)["JobStatus"] == "SUCCEEDED")
    assert aws.received(seconds=1) == []


def test_injects_a_duplicate_completion(aws: Aws, rekognition: Any, fault: Callable[..., None]) -> None:
    fault("StartLabelDetection", "duplicate_completion", count=1)
    job_id = rekognition.start_label_detection(**video(aws))["JobId"]
    envelopes = aws.received()
    envelopes += [] if len(envelopes) == 2 else aws.received()
    assert [json.loads(envelope["Message"])["JobId"] for envelope in envelopes] == [job_id, job_id]


def test_injects_a_late_completion(aws: Aws, rekognition: Any, fault: Callable[..., None]) -> None:
    fault("StartLabelDetection", "late_completion", seconds=1.5)
    job_id = rekognition.start_label_detection(**video(aws))["JobId"]
    wait_until(lambda: rekognition.get_label_detection(JobId=job_id)["JobStatus"] == "SUCCEEDED")
    assert aws.received(seconds=0) == []
    assert aws.completion()["JobId"] == job_id


def test_injects_a_failed_job(aws: Aws, transcribe: Any, fault: Callable[..., None]) -> None:
    fault("StartTranscriptionJob", "fail_job", reason="The moon is full.")
    transcribe.start_transcription_job(**speech("failed"))
    assert aws.ended()["FailureReason"] == "The moon is full."


def test_unsupported_operation_is_unknown(rekognition: Any) -> None:
    assert refusal(rekognition.detect_protective_equipment, Image={"Bytes": png("red")}) == (
        "UnknownOperationException",
        400,
    )


def test_health_check_returns_ok(ai_url: str) -> None:
    assert http(f"{ai_url}/health") == {"status": "ok"}


def test_ledger_filters_by_asset_and_rejects_unknown_filters(aws: Aws, rekognition: Any, ai_url: str) -> None:
    key = aws.put("seen.jpg", (MEDIA / "bottles.jpg").read_bytes())
    rekognition.detect_labels(Image=in_s3(key))
    (call,) = http(f"{ai_url}/ledger?asset={BUCKET}/{key}")["calls"]
    assert (call["service"], call["operation"], call["outcome"]) == ("rekognition", "DetectLabels", "ok")
    with pytest.raises(urllib.error.HTTPError, match="400"):
        http(f"{ai_url}/ledger?colour=red")


@pytest.mark.parametrize(
    "body", [[], {"kind": "throttle"}, {"operation": "*", "kind": "magic"}, {"operation": "Dance", "kind": "throttle"}]
)
def test_rejects_invalid_faults(ai_url: str, body: object) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400"):
        http(f"{ai_url}/faults", "POST", body)
    assert http(f"{ai_url}/faults") == []
