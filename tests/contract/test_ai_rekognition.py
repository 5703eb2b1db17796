"""Tests of the Rekognition endpoint with boto3 and the local AWS."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.ai import BUCKET, MEDIA, Aws, http, in_s3, names, png, qr, refusal, video

pytestmark = pytest.mark.system


def test_labels_an_image_in_s3(aws: Aws, rekognition: Any) -> None:
    answer = rekognition.detect_labels(Image=in_s3("bottles.jpg"))
    assert {"Grey", "Landscape Orientation"} <= names(answer["Labels"])
    assert "no trained model" in answer["LabelModelVersion"]
    first = answer["Labels"][0]
    assert first["Parents"] == [{"Name": "Color"}]
    assert first["Categories"] == [{"Name": "Colors and Visual Composition"}]


def test_image_bytes_have_the_labels_of_the_object(aws: Aws, rekognition: Any) -> None:
    by_bytes = rekognition.detect_labels(Image={"Bytes": (MEDIA / "bottles.jpg").read_bytes()})
    assert by_bytes["Labels"] == rekognition.detect_labels(Image=in_s3("bottles.jpg"))["Labels"]


def test_returns_requested_image_properties(aws: Aws, rekognition: Any) -> None:
    settings = {"ImageProperties": {"MaxDominantColors": 3}}
    answer = rekognition.detect_labels(Image=in_s3("bottles.jpg"), Features=["IMAGE_PROPERTIES"], Settings=settings)
    assert len(answer["ImageProperties"]["DominantColors"]) == 3
    assert "Labels" not in answer


def test_limits_and_filters_labels(aws: Aws, rekognition: Any) -> None:
    assert len(rekognition.detect_labels(Image=in_s3("bottles.jpg"), MaxLabels=1)["Labels"]) == 1
    settings = {"GeneralLabels": {"LabelInclusionFilters": ["Grey"]}}
    assert names(rekognition.detect_labels(Image=in_s3("bottles.jpg"), Settings=settings)["Labels"]) == {"Grey"}


def test_image_moderation_is_marked_synthetic(aws: Aws, rekognition: Any) -> None:
    flagged = rekognition.detect_moderation_labels(Image={"Bytes": png("red")})
    assert names(flagged["ModerationLabels"]) == {"Synthetic Moderation", "Synthetic Red Content"}
    assert "synthetic" in flagged["ModerationModelVersion"]
    assert rekognition.detect_moderation_labels(Image=in_s3("bottles.jpg"))["ModerationLabels"] == []


def test_qr_code_text_is_real_and_other_text_is_marked_synthetic(aws: Aws, rekognition: Any) -> None:
    aws.put("code.png", qr("Ada Example\nhttps://example.com"))
    read = rekognition.detect_text(Image=in_s3("code.png"))
    lines = [found["DetectedText"] for found in read["TextDetections"] if found["Type"] == "LINE"]
    words = [(found["DetectedText"], found["ParentId"]) for found in read["TextDetections"] if found["Type"] == "WORD"]
    assert lines == ["Ada Example", "https://example.com"]
    assert words == [("Ada", 0), ("Example", 0), ("https://example.com", 1)]
    assert [found["Id"] for found in read["TextDetections"]] == [0, 1, 2, 3, 4]
    assert not made_up(read)
    assert made_up(rekognition.detect_text(Image=in_s3("bottles.jpg")))


def made_up(answer: dict[str, Any]) -> bool:
    return "x-headrace-synthetic" in answer["ResponseMetadata"]["HTTPHeaders"]


def test_rejects_invalid_images_with_the_errors_of_aws(aws: Aws, rekognition: Any) -> None:
    detect = rekognition.detect_labels
    aws.put("cut.jpg", (MEDIA / "bottles.jpg").read_bytes()[:5000])
    aws.put("large.jpg", bytes(15 * 1024**2 + 1))
    assert refusal(detect, Image=in_s3("not/there.jpg")) == ("InvalidS3ObjectException", 400)
    assert refusal(detect, Image=in_s3("jfk.flac")) == ("InvalidImageFormatException", 400)
    assert refusal(detect, Image=in_s3("cut.jpg")) == ("InvalidImageFormatException", 400)
    assert refusal(detect, Image=in_s3("large.jpg")) == ("ImageTooLargeException", 400)
    assert refusal(detect, Image={"Bytes": png("red", (79, 200))}) == ("InvalidParameterException", 400)
    assert refusal(detect, Image={"Bytes": bytes(5 * 1024**2 + 1)}) == ("ValidationException", 400)
    assert refusal(detect, Image={}) == ("InvalidParameterException", 400)


def test_label_job_sends_a_completion_and_returns_pages(aws: Aws, rekognition: Any) -> None:
    job_id = rekognition.start_label_detection(**video(aws, ClientRequestToken="labels-1", JobTag="tag-1"))["JobId"]
    said = aws.completion()
    assert said.pop("Timestamp") > 1_600_000_000_000
    assert said == {
        "JobId": job_id,
        "Status": "SUCCEEDED",
        "API": "StartLabelDetection",
        "JobTag": "tag-1",
        "Video": {"S3ObjectName": "rabbit.mp4", "S3Bucket": BUCKET},
    }
    whole = rekognition.get_label_detection(JobId=job_id)
    assert whole["JobStatus"] == "SUCCEEDED"
    assert whole["JobTag"] == "tag-1"
    assert whole["VideoMetadata"]["DurationMillis"] == 7800
    assert {"Brown", "Shot", "Motion"} <= names([found["Label"] for found in whole["Labels"]])
    assert paged(rekognition, job_id, 7) == whole["Labels"]


def paged(rekognition: Any, job_id: str, size: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        answer = rekognition.get_label_detection(JobId=job_id, MaxResults=size, **token)
        assert len(answer["Labels"]) <= size
        found += answer["Labels"]
        if "NextToken" not in answer:
            return found
        token = {"NextToken": answer["NextToken"]}


def test_returns_labels_by_name_and_by_segment(aws: Aws, rekognition: Any) -> None:
    job_id = rekognition.start_label_detection(**video(aws))["JobId"]
    aws.completion()
    answer = rekognition.get_label_detection(JobId=job_id, SortBy="NAME", AggregateBy="SEGMENTS")
    listed = [found["Label"]["Name"] for found in answer["Labels"]]
    assert listed == sorted(listed)
    brown = answer["Labels"][listed.index("Brown")]
    assert (brown["StartTimestampMillis"], brown["EndTimestampMillis"], brown["DurationMillis"]) == (0, 7800, 7800)


def test_rejects_a_page_token_of_another_listing(aws: Aws, rekognition: Any) -> None:
    job_id = rekognition.start_label_detection(**video(aws))["JobId"]
    aws.completion()
    token = rekognition.get_label_detection(JobId=job_id, MaxResults=1)["NextToken"]
    get = rekognition.get_label_detection
    assert refusal(get, JobId=job_id, NextToken=token, SortBy="NAME") == ("InvalidPaginationTokenException", 400)
    assert refusal(get, JobId=job_id, NextToken="rubbish") == ("InvalidPaginationTokenException", 400)


def test_repeated_request_token_starts_no_second_job(aws: Aws, rekognition: Any, ai_url: str) -> None:
    request = video(aws, ClientRequestToken="again")
    first = rekognition.start_label_detection(**request)["JobId"]
    aws.completion()
    assert rekognition.start_label_detection(**request)["JobId"] == first
    assert aws.received(seconds=1) == []
    book = http(f"{ai_url}/ledger?token=again")
    assert (book["jobs_started"], book["jobs_unique"], len(book["jobs"])) == (2, 1, 1)
    changed = refusal(rekognition.start_label_detection, **request | {"MinConfidence": 80})
    assert changed == ("IdempotentParameterMismatchException", 400)


def test_moderation_job_is_marked_synthetic(aws: Aws, rekognition: Any) -> None:
    job_id = rekognition.start_content_moderation(**video(aws, JobTag="tag"))["JobId"]
    assert aws.completion()["API"] == "StartContentModeration"
    answer = rekognition.get_content_moderation(JobId=job_id)
    assert answer["JobStatus"] == "SUCCEEDED"
    assert "synthetic" in answer["ModerationModelVersion"]
    assert refusal(rekognition.get_label_detection, JobId=job_id) == ("ResourceNotFoundException", 400)


def test_job_fails_with_a_reason_for_files_that_are_not_video(aws: Aws, rekognition: Any) -> None:
    job_id = rekognition.start_label_detection(**video(aws, aws.put("no.mp4", b"no video")))["JobId"]
    assert aws.completion()["Status"] == "FAILED"
    answer = rekognition.get_label_detection(JobId=job_id)
    assert answer["JobStatus"] == "FAILED"
    assert answer["StatusMessage"]
    assert answer["Labels"] == []


def test_unknown_job_is_not_found(aws: Aws, rekognition: Any) -> None:
    assert refusal(rekognition.get_label_detection, JobId="f" * 64) == ("ResourceNotFoundException", 400)
    assert refusal(rekognition.start_label_detection, **video(aws, "not/there.mp4")) == (
        "InvalidS3ObjectException",
        400,
    )
