"""Scenarios of Transcribe, on Headrace's own local endpoint."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.contract.ai import BUCKET, speech, wait_until
from tests.contract.fidelity.local_aws import LocalAws, error_of, unique
from tests.contract.fidelity.scenario import Answers, Scenario
from tests.support.videos import make_media

START = ("transcribe:StartTranscriptionJob",)
GET = ("transcribe:GetTranscriptionJob",)


Run = Callable[[LocalAws], Answers]


def request(**changes: Any) -> dict[str, Any]:
    """Return a request as the recording made it: without settings. A member that is null is left out."""
    whole = {**speech(unique()), "LanguageCode": "en-GB", "OutputBucketName": None, **changes}
    return {name: value for name, value in whole.items() if value is not None}


def finished(transcribe: Any, name: str) -> Any:
    """Return the description of a job that has ended."""

    def ended() -> Any:
        found = transcribe.get_transcription_job(TranscriptionJobName=name)
        return found if found["TranscriptionJob"]["TranscriptionJobStatus"] != "IN_PROGRESS" else None

    return wait_until(ended)


def run_job(aws: LocalAws, output: dict[str, str]) -> Answers:
    """Start a job, wait for its end, and delete it."""
    transcribe, wanted = aws.client("transcribe"), request(**output)
    name = wanted["TranscriptionJobName"]
    return {
        "response-start-job": transcribe.start_transcription_job(**wanted),
        "response-get-transcribe-job": finished(transcribe, name),
        "delete-transcription-job": transcribe.delete_transcription_job(TranscriptionJobName=name),
    }


def job(parameter: str, **output: str) -> Scenario:
    """Return a scenario of one job."""
    operations = (*START, *GET, "transcribe:DeleteTranscriptionJob")
    answers = ("response-start-job", "response-get-transcribe-job", "delete-transcription-job")
    return Scenario(
        "transcribe", f"test_transcribe_start_job[{parameter}]", operations, answers, partial(run_job, output=output)
    )


def running(aws: LocalAws) -> Answers:
    """Read a job that runs, and one that does not exist."""
    transcribe, wanted = aws.slow_client("transcribe"), request()
    transcribe.start_transcription_job(**wanted)
    get = transcribe.get_transcription_job
    return {
        "GetJob": get(TranscriptionJobName=wanted["TranscriptionJobName"]),
        "GetError": error_of(get, TranscriptionJobName="non-existent"),
    }


def listed(aws: LocalAws) -> Answers:
    """List a job that runs. The recording has the first summary in place of the list."""
    transcribe, wanted = aws.slow_client("transcribe"), request()
    transcribe.start_transcription_job(**wanted)
    name = wanted["TranscriptionJobName"]
    found = transcribe.list_transcription_jobs(JobNameContains=name)
    return {"ListJobs": {**found, "TranscriptionJobSummaries": found["TranscriptionJobSummaries"][0]}}


def twice(aws: LocalAws) -> Answers:
    """Start two jobs of one name."""
    transcribe, wanted = aws.client("transcribe"), request()
    return {
        "response-start-job": transcribe.start_transcription_job(**wanted),
        "same-transcription-job-name": error_of(transcribe.start_transcription_job, **wanted),
    }


def refused(aws: LocalAws) -> Answers:
    """Start jobs without a language, and with one that does not exist."""
    start = aws.client("transcribe").start_transcription_job
    return {
        "MissingLanguageCode": error_of(start, **request(LanguageCode=None)),
        "MalformedLanguageCode": error_of(start, **request(LanguageCode="non-existent")),
    }


def deleted(aws: LocalAws) -> Answers:
    """Delete a job that does not exist."""
    call = aws.client("transcribe").delete_transcription_job
    return {"MissingLanguageCode": error_of(call, TranscriptionJobName="non-existent")}


def with_speakers(aws: LocalAws) -> Answers:
    """Read the transcript of a job with speaker labels."""
    transcribe = aws.client("transcribe")
    settings = {"ShowSpeakerLabels": True, "MaxSpeakerLabels": 2}
    wanted = request(Settings=settings, OutputBucketName=BUCKET, OutputKey=f"{unique()}.json")
    transcribe.start_transcription_job(**wanted)
    finished(transcribe, wanted["TranscriptionJobName"])
    found = aws.client("s3").get_object(Bucket=BUCKET, Key=wanted["OutputKey"])["Body"].read()
    return {"transcribe_speaker_diarization": json.loads(found)}


def too_long(aws: LocalAws) -> Answers:
    """Run a job for a file of more than four hours."""
    transcribe, key = aws.client("transcribe"), f"{unique()}.flac"
    with TemporaryDirectory() as folder:
        media = make_media(Path(folder) / key, "anullsrc=r=1000:cl=mono", options=("-t", "14405"))
        aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=media.read_bytes())
    wanted = request(Media={"MediaFileUri": f"s3://{BUCKET}/{key}"})
    transcribe.start_transcription_job(**wanted)
    return {"TranscribeErrorInvalidLength": finished(transcribe, wanted["TranscriptionJobName"])}


def one(
    test: str, operations: tuple[str, ...], answers: tuple[str, ...], run: Callable[[LocalAws], Answers]
) -> Scenario:
    """Return a scenario of Transcribe."""
    return Scenario("transcribe", test, operations, answers, run)


SCENARIOS = (
    job("None-None"),
    job("test-output-bucket-2-None", OutputBucketName=BUCKET),
    job("test-output-bucket-5-test-files/test-output.json", OutputBucketName=BUCKET, OutputKey="files/output.json"),
    one("test_get_transcription_job", GET, ("GetJob", "GetError"), running),
    one("test_list_transcription_jobs", ("transcribe:ListTranscriptionJobs",), ("ListJobs",), listed),
    one(
        "test_transcribe_start_job_same_name",
        START,
        ("response-start-job", "same-transcription-job-name"),
        twice,
    ),
    one("test_failing_start_transcription_job", START, ("MissingLanguageCode", "MalformedLanguageCode"), refused),
    one("test_failing_deletion", ("transcribe:DeleteTranscriptionJob",), ("MissingLanguageCode",), deleted),
    Scenario(
        "transcribe",
        "test_transcribe_speaker_diarization",
        ("Transcribe transcript",),
        ("transcribe_speaker_diarization",),
        with_speakers,
        values="none",
    ),
    one("test_transcribe_error_invalid_length", GET, ("TranscribeErrorInvalidLength",), too_long),
)
