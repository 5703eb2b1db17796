"""Tests of the Transcribe endpoint with boto3 and the local AWS."""

from __future__ import annotations

import io
import json
import wave
from typing import Any
from uuid import uuid4

import pytest

from tests.contract.ai import BUCKET, MEDIA, Aws, http, refusal, speech, wait_until

pytestmark = pytest.mark.system

REDACTION = {"RedactionType": "PII", "RedactionOutput": "redacted"}
CARD = b"WEBVTT\n\n00:00.000 --> 00:04.000\nMy card is 4111 1111 1111 1111.\n"


def test_stores_the_transcript_in_s3_and_sends_an_event(aws: Aws, transcribe: Any) -> None:
    options: dict[str, Any] = {"OutputKey": "out/", "Subtitles": {"Formats": ["vtt", "srt"], "OutputStartIndex": 1}}
    started = transcribe.start_transcription_job(**speech("speech", **options))["TranscriptionJob"]
    assert started["TranscriptionJobStatus"] == "IN_PROGRESS"
    (event,) = aws.received()
    assert (event["source"], event["detail-type"]) == ("aws.transcribe", "Transcribe Job State Change")
    assert event["detail"] == {"TranscriptionJobName": "speech", "TranscriptionJobStatus": "COMPLETED"}
    job = transcribe.get_transcription_job(TranscriptionJobName="speech")["TranscriptionJob"]
    assert (job["MediaFormat"], job["MediaSampleRateHertz"], job["LanguageCode"]) == ("flac", 44100, "en-US")
    assert job["CompletionTime"] >= job["CreationTime"]
    assert job["Transcript"]["TranscriptFileUri"].endswith(f"/{BUCKET}/out/speech.json")
    assert [uri.rsplit("/", 1)[1] for uri in job["Subtitles"]["SubtitleFileUris"]] == ["speech.vtt", "speech.srt"]
    results = json.loads(aws.text("out/speech.json"))["results"]
    assert results["synthetic"] is True
    assert len(results["audio_segments"]) == 5
    assert aws.text("out/speech.vtt").startswith("WEBVTT\n\n00:00:00.326 --> ")
    assert aws.text("out/speech.srt").startswith("1\n00:00:00,326 --> ")


def test_uses_captions_next_to_the_media(aws: Aws, transcribe: Any) -> None:
    key = aws.put("talks/jfk.flac", (MEDIA / "jfk.flac").read_bytes())
    aws.put("talks/jfk.vtt", b"WEBVTT\n\n00:00.300 --> 00:02.100\nAnd so, my fellow <i>Americans</i>,\n")
    transcribe.start_transcription_job(**speech("captions", key, OutputKey="captions.json"))
    aws.received()
    results = json.loads(aws.text("captions.json"))["results"]
    assert results["transcripts"] == [{"transcript": "And so, my fellow Americans,"}]
    assert results["synthetic"] is False
    assert (results["items"][0]["start_time"], results["items"][-2]["end_time"]) == ("0.300", "2.100")


@pytest.mark.parametrize(("output", "names"), [("redacted", 1), ("redacted_and_unredacted", 2)])
def test_redacts_personal_data(aws: Aws, transcribe: Any, output: str, names: int) -> None:
    key = aws.put(f"{output}/jfk.flac", (MEDIA / "jfk.flac").read_bytes())
    aws.put(f"{output}/jfk.vtt", CARD)
    redaction = {**REDACTION, "RedactionOutput": output}
    more: dict[str, Any] = {"OutputKey": f"{output}/", "Subtitles": {"Formats": ["vtt"]}}
    transcribe.start_transcription_job(**speech(output, key, ContentRedaction=redaction, **more))
    aws.received()
    job = transcribe.get_transcription_job(TranscriptionJobName=output)["TranscriptionJob"]
    assert job["ContentRedaction"] == redaction
    assert job["Transcript"]["RedactedTranscriptFileUri"].endswith(f"/{BUCKET}/{output}/redacted-{output}.json")
    assert ("TranscriptFileUri" in job["Transcript"]) is (names == 2)
    assert len(job["Subtitles"]["SubtitleFileUris"]) == names
    document = json.loads(aws.text(f"{output}/redacted-{output}.json"))
    assert document["isRedacted"] is True
    assert document["results"]["transcripts"] == [{"transcript": "My card is [PII]."}]
    item = document["results"]["items"][3]
    assert item["alternatives"][0]["content"] == "[PII]"
    assert item["alternatives"][0]["redactions"][0]["type"] == "CREDIT_DEBIT_NUMBER"
    assert (item["start_time"], item["end_time"]) == ("1.280", "4.000")
    assert "4111" not in aws.text(f"{output}/redacted-{output}.vtt")


def test_redacts_only_the_requested_types(aws: Aws, transcribe: Any) -> None:
    key = aws.put("types/jfk.flac", (MEDIA / "jfk.flac").read_bytes())
    aws.put("types/jfk.vtt", CARD)
    redaction = {**REDACTION, "PiiEntityTypes": ["EMAIL"]}
    transcribe.start_transcription_job(**speech("types", key, ContentRedaction=redaction, OutputKey="types/t.json"))
    aws.received()
    assert "4111" in aws.text("types/redacted-t.json")


def test_transcript_without_a_bucket_can_be_downloaded(aws: Aws, transcribe: Any) -> None:
    request = speech("service-bucket", IdentifyLanguage=True)
    del request["OutputBucketName"], request["LanguageCode"]
    transcribe.start_transcription_job(**request)
    aws.received()
    job = transcribe.get_transcription_job(TranscriptionJobName="service-bucket")["TranscriptionJob"]
    assert (job["LanguageCode"], job["IdentifiedLanguageScore"]) == ("en-US", 0.0)
    assert http(job["Transcript"]["TranscriptFileUri"])["jobName"] == "service-bucket"


@pytest.mark.parametrize(
    ("key", "options", "reason"),
    [
        ("bottles.mp4", {}, "no sound"),
        ("bottles.jpg", {}, "Unsupported media format"),
        ("jfk.flac", {"MediaFormat": "wav"}, "does not match the detected media format"),
        ("jfk.flac", {"MediaSampleRateHertz": 16000}, "does not match the detected sample rate"),
        ("jfk.flac", {"OutputBucketName": "no-such-bucket"}, "output bucket"),
    ],
)
def test_job_fails_with_a_reason_for_unusable_media(
    aws: Aws, transcribe: Any, key: str, options: dict[str, object], reason: str
) -> None:
    name = str(uuid4())
    transcribe.start_transcription_job(**speech(name, key, **options))
    ended = aws.ended()
    assert ended["TranscriptionJobStatus"] == "FAILED"
    assert reason in ended["FailureReason"]
    job = transcribe.get_transcription_job(TranscriptionJobName=name)["TranscriptionJob"]
    assert job["FailureReason"] == ended["FailureReason"]


def test_job_name_is_unique_until_deletion(aws: Aws, transcribe: Any) -> None:
    transcribe.start_transcription_job(**speech("once"))
    aws.received()
    assert refusal(transcribe.start_transcription_job, **speech("once")) == ("ConflictException", 400)
    transcribe.delete_transcription_job(TranscriptionJobName="once")
    assert refusal(transcribe.get_transcription_job, TranscriptionJobName="once") == ("BadRequestException", 400)
    transcribe.start_transcription_job(**speech("once"))
    assert aws.ended()["TranscriptionJobName"] == "once"


@pytest.mark.parametrize(
    "change",
    [
        {"IdentifyLanguage": True},
        {"OutputBucketName": None, "OutputKey": "k.json"},
        {"Media": {"MediaFileUri": f"s3://{BUCKET}/not/there.flac"}},
        {"Media": {"MediaFileUri": f"s3://{BUCKET}/"}},
        {"ContentRedaction": REDACTION, "LanguageCode": "en-GB"},
        {"ContentRedaction": REDACTION, "LanguageCode": None, "IdentifyLanguage": True},
        {"ContentRedaction": {**REDACTION, "PiiEntityTypes": ["SHOE_SIZE"]}},
        {"ToxicityDetection": [{"ToxicityCategories": ["ALL"]}]},
    ],
)
def test_rejects_contradicting_requests(aws: Aws, transcribe: Any, change: dict[str, object]) -> None:
    request = {name: value for name, value in {**speech("bad"), **change}.items() if value is not None}
    assert refusal(transcribe.start_transcription_job, **request) == ("BadRequestException", 400)


def test_lists_jobs_newest_first_in_pages(aws: Aws, transcribe: Any) -> None:
    for number in range(3):
        transcribe.start_transcription_job(**speech(f"listed-{number}"))
        aws.received()
    wanted = {"JobNameContains": "listed", "MaxResults": 2, "Status": "COMPLETED"}
    first = transcribe.list_transcription_jobs(**wanted)
    second = transcribe.list_transcription_jobs(**wanted, NextToken=first["NextToken"])
    summaries = first["TranscriptionJobSummaries"] + second["TranscriptionJobSummaries"]
    assert [job["TranscriptionJobName"] for job in summaries] == ["listed-2", "listed-1", "listed-0"]
    assert {job["OutputLocationType"] for job in summaries} == {"CUSTOMER_BUCKET"}


def test_event_follows_the_rule_pattern_and_state(aws: Aws, transcribe: Any) -> None:
    pattern = {"source": ["aws.transcribe"], "detail": {"TranscriptionJobName": [{"prefix": "mine-"}]}}
    aws.events.put_rule(Name=aws.rule, EventPattern=json.dumps(pattern))
    for name in ("theirs-1", "mine-1"):
        transcribe.start_transcription_job(**speech(name))
    assert aws.ended()["TranscriptionJobName"] == "mine-1"
    aws.events.disable_rule(Name=aws.rule)
    transcribe.start_transcription_job(**speech("mine-2"))
    wait_until(lambda: status(transcribe, "mine-2") == "COMPLETED")
    assert aws.received(seconds=1) == []


def test_missing_target_does_not_affect_other_targets(aws: Aws, transcribe: Any) -> None:
    gone = {"Id": "a-gone", "Arn": "arn:aws:sqs:us-east-1:000000000000:gone"}
    aws.events.put_targets(Rule=aws.rule, Targets=[gone])
    transcribe.start_transcription_job(**speech("past-the-gone"))
    assert aws.ended()["TranscriptionJobName"] == "past-the-gone"
    aws.events.remove_targets(Rule=aws.rule, Ids=["a-gone"])


def status(transcribe: Any, name: str) -> str:
    return str(
        transcribe.get_transcription_job(TranscriptionJobName=name)["TranscriptionJob"]["TranscriptionJobStatus"]
    )


def test_silence_without_a_language_fails_as_on_aws(aws: Aws, transcribe: Any) -> None:
    key = aws.put("silence.wav", silence())
    request = {**speech("no-speech", key), "IdentifyLanguage": True}
    del request["LanguageCode"]
    transcribe.start_transcription_job(**request)
    assert "must have a speech segment long enough" in aws.ended()["FailureReason"]


def test_silence_in_a_known_language_is_an_empty_transcript(aws: Aws, transcribe: Any) -> None:
    transcribe.start_transcription_job(**speech("silent-english", aws.put("silence.wav", silence())))
    assert aws.ended()["TranscriptionJobStatus"] == "COMPLETED"


def silence() -> bytes:
    """Two seconds of silence as WAV."""
    file = io.BytesIO()
    with wave.open(file, "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(16_000)
        audio.writeframes(bytes(64_000))
    return file.getvalue()
