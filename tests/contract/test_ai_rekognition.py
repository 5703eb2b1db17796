"""Rekognition as boto3 sees it, over the wire, beside a local AWS."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.ai import BUCKET, MEDIA, Aws, http, in_s3, names, png, qr, refusal, video

pytestmark = pytest.mark.system


def test_an_image_in_s3_is_labelled_by_what_it_measures(aws: Aws, rekognition: Any) -> None:
    answer = rekognition.detect_labels(Image=in_s3("bottles.jpg"))
    assert {"Grey", "Landscape Orientation"} <= names(answer["Labels"])
    assert "no trained model" in answer["LabelModelVersion"]
    first = answer["Labels"][0]
    assert first["Parents"] == [{"Name": "Color"}]
    assert first["Categories"] == [{"Name": "Colors and Visual Composition"}]


def test_image_bytes_give_the_same_labels_as_the_object(aws: Aws, rekognition: Any) -> None:
    by_bytes = rekognition.detect_labels(Image={"Bytes": (MEDIA / "bottles.jpg").read_bytes()})
    assert by_bytes["Labels"] == rekognition.detect_labels(Image=in_s3("bottles.jpg"))["Labels"]


def test_image_properties_come_where_they_are_asked_for(aws: Aws, rekognition: Any) -> None:
    settings = {"ImageProperties": {"MaxDominantColors": 3}}
    answer = rekognition.detect_labels(Image=in_s3("bottles.jpg"), Features=["IMAGE_PROPERTIES"], Settings=settings)
    assert len(answer["ImageProperties"]["DominantColors"]) == 3
    assert "Labels" not in answer


def test_fewer_and_filtered_labels_on_request(aws: Aws, rekognition: Any) -> None:
    assert len(rekognition.detect_labels(Image=in_s3("bottles.jpg"), MaxLabels=1)["Labels"]) == 1
    settings = {"GeneralLabels": {"LabelInclusionFilters": ["Grey"]}}
    assert names(rekognition.detect_labels(Image=in_s3("bottles.jpg"), Settings=settings)["Labels"]) == {"Grey"}


def test_moderation_of_an_image_says_that_it_is_synthetic(aws: Aws, rekognition: Any) -> None:
    flagged = rekognition.detect_moderation_labels(Image={"Bytes": png("red")})
    assert names(flagged["ModerationLabels"]) == {"Synthetic Moderation", "Synthetic Red Content"}
    assert "synthetic" in flagged["ModerationModelVersion"]
    assert rekognition.detect_moderation_labels(Image=in_s3("bottles.jpg"))["ModerationLabels"] == []


def test_the_text_of_a_code_is_real_and_all_other_text_says_that_it_is_not(aws: Aws, rekognition: Any) -> None:
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


def test_images_that_cannot_be_taken_are_refused_as_aws_does(aws: Aws, rekognition: Any) -> None:
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


def test_a_label_job_ends_with_a_completion_and_pages_of_labels(aws: Aws, rekognition: Any) -> None:
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


def test_labels_come_by_name_and_by_segment(aws: Aws, rekognition: Any) -> None:
    job_id = rekognition.start_label_detection(**video(aws))["JobId"]
    aws.completion()
    answer = rekognition.get_label_detection(JobId=job_id, SortBy="NAME", AggregateBy="SEGMENTS")
    listed = [found["Label"]["Name"] for found in answer["Labels"]]
    assert listed == sorted(listed)
    brown = answer["Labels"][listed.index("Brown")]
    assert (brown["StartTimestampMillis"], brown["EndTimestampMillis"], brown["DurationMillis"]) == (0, 7800, 7800)


def test_a_token_for_another_listing_is_refused(aws: Aws, rekognition: Any) -> None:
    job_id = rekognition.start_label_detection(**video(aws))["JobId"]
    aws.completion()
    token = rekognition.get_label_detection(JobId=job_id, MaxResults=1)["NextToken"]
    get = rekognition.get_label_detection
    assert refusal(get, JobId=job_id, NextToken=token, SortBy="NAME") == ("InvalidPaginationTokenException", 400)
    assert refusal(get, JobId=job_id, NextToken="rubbish") == ("InvalidPaginationTokenException", 400)


def test_a_token_used_again_starts_nothing_and_says_nothing(aws: Aws, rekognition: Any, ai_url: str) -> None:
    request = video(aws, ClientRequestToken="again")
    first = rekognition.start_label_detection(**request)["JobId"]
    aws.completion()
    assert rekognition.start_label_detection(**request)["JobId"] == first
    assert aws.received(seconds=1) == []
    book = http(f"{ai_url}/ledger?token=again")
    assert (book["jobs_started"], book["jobs_unique"], len(book["jobs"])) == (2, 1, 1)
    changed = refusal(rekognition.start_label_detection, **request | {"MinConfidence": 80})
    assert changed == ("IdempotentParameterMismatchException", 400)


def test_a_moderation_job_says_that_it_is_synthetic(aws: Aws, rekognition: Any) -> None:
    job_id = rekognition.start_content_moderation(**video(aws, JobTag="tag"))["JobId"]
    assert aws.completion()["API"] == "StartContentModeration"
    answer = rekognition.get_content_moderation(JobId=job_id)
    assert answer["JobStatus"] == "SUCCEEDED"
    assert "synthetic" in answer["ModerationModelVersion"]
    assert refusal(rekognition.get_label_detection, JobId=job_id) == ("ResourceNotFoundException", 400)


def test_a_file_that_is_no_video_fails_its_job_with_a_reason(aws: Aws, rekognition: Any) -> None:
    job_id = rekognition.start_label_detection(**video(aws, aws.put("no.mp4", b"no video")))["JobId"]
    assert aws.completion()["Status"] == "FAILED"
    answer = rekognition.get_label_detection(JobId=job_id)
    assert answer["JobStatus"] == "FAILED"
    assert answer["StatusMessage"]
    assert answer["Labels"] == []


def test_a_job_that_nobody_started_is_not_found(aws: Aws, rekognition: Any) -> None:
    assert refusal(rekognition.get_label_detection, JobId="f" * 64) == ("ResourceNotFoundException", 400)
    assert refusal(rekognition.start_label_detection, **video(aws, "not/there.mp4")) == (
        "InvalidS3ObjectException",
        400,
    )
