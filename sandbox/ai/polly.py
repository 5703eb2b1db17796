"""Amazon Polly's synthesis tasks without a voice: one tone for each word."""

from __future__ import annotations

import math
import re
import struct
import wave
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from headrace.sandbox.ai.framework import ffmpeg, paging
from headrace.sandbox.ai.framework.aws_clients import AwsClients, CloudRefusedError
from headrace.sandbox.ai.framework.errors import ServiceError, UnprocessableMediaError
from headrace.sandbox.ai.framework.job_runner import JobKind
from headrace.sandbox.ai.framework.ledger import (
    FAILED,
    RUNNING,
    SUCCEEDED,
    JobSubject,
    LedgerJob,
    TooManyJobsError,
)
from headrace.sandbox.ai.framework.service import Params, Service, ServiceContext
from headrace.streams.limits.service_inputs import text_rule

# https://docs.aws.amazon.com/polly/latest/dg/limits.html
MAX_JOBS = 100
LIFE_SECONDS = 72 * 3600
STATUS = {RUNNING: "inProgress", SUCCEEDED: "completed", FAILED: "failed"}
ENDINGS = {"mp3": "mp3", "ogg_vorbis": "ogg"}

SAMPLES_A_SECOND = 16_000
SECONDS_A_LETTER = 0.06
LONGEST_SECONDS = 600.0
_SEGMENT = re.compile(r"[a-z][a-z0-9-]*-[0-9a-f]{40}")


def start_speech_synthesis_task(params: Params, context: ServiceContext) -> Params:
    """Start a synthesis task. Polly has no request token: every call starts a new task."""
    longest = text_rule("polly", "StartSpeechSynthesisTask").max_characters
    if longest is not None and len(params["Text"]) > longest:
        raise ServiceError("TextLengthExceededException", "Maximum text length has been exceeded")
    if params["OutputFormat"] not in ENDINGS:
        raise ServiceError("InvalidSampleRateException", f"{params['OutputFormat']} is not supported by this endpoint")
    task = str(uuid4())
    job = LedgerJob(
        job_id=task,
        service="polly",
        operation="StartSpeechSynthesisTask",
        asset=f"{params['OutputS3BucketName']}/{_key(params, task)}",
        token=None,
        request=params,
    )
    try:
        job, _ = context.jobs.start(job, 0.0, MAX_JOBS)
    except TooManyJobsError as error:
        raise ServiceError("ThrottlingException", "Rate exceeded") from error
    return {"SynthesisTask": _described(job, context.cloud)}


def get_speech_synthesis_task(params: Params, context: ServiceContext) -> Params:
    """Return the state of a task and the location of its audio."""
    job = context.ledger.job("polly", params["TaskId"])
    if job is None or job.started_at <= context.clock() - LIFE_SECONDS:
        raise ServiceError("SynthesisTaskNotFoundException", "There is no task of that id.")
    return {"SynthesisTask": _described(job, context.cloud)}


def list_speech_synthesis_tasks(params: Params, context: ServiceContext) -> Params:
    """Return a page of the tasks, newest first."""
    wanted = params.get("Status")
    jobs = [job for job in context.ledger.jobs("polly") if wanted in (None, STATUS[job.status])]
    page = paging.ResultPage(f"polly {wanted}", params.get("NextToken"), params.get("MaxResults", 100), context.clock())
    try:
        shown, token = paging.cut(jobs, page)
    except paging.InvalidTokenError as error:
        raise ServiceError("InvalidNextTokenException", "The NextToken is invalid.") from error
    return {"SynthesisTasks": [_described(job, context.cloud) for job in shown]} | (
        {"NextToken": token} if token else {}
    )


def work(job: LedgerJob, cloud: AwsClients) -> Params:
    """Write the audio to the bucket of `job`."""
    bucket, key = job.request["OutputS3BucketName"], _key(job.request, job.job_id)
    with TemporaryDirectory() as folder:
        source, encoded = Path(folder, "spoken.wav"), Path(folder, f"made.{ENDINGS[job.request['OutputFormat']]}")
        _write(job.request["Text"], source)
        ffmpeg.run(source, "-y", "-b:a", "32k", encoded)
        try:
            cloud.write(bucket, key, encoded.read_bytes(), "audio/mpeg" if encoded.suffix == ".mp3" else "audio/ogg")
        except CloudRefusedError as error:
            raise UnprocessableMediaError("The output bucket does not exist or may not be written to.") from error
    return {"key": key}


def announce(job: LedgerJob, cloud: AwsClients) -> None:
    """Publish the completion to the task's topic."""
    topic = job.request.get("SnsTopicArn")
    if not topic:
        return
    message = {
        "taskId": job.job_id,
        "taskStatus": STATUS[job.status].upper(),
        "outputUri": _uri(job, cloud),
        "creationTime": datetime.fromtimestamp(job.started_at, UTC).isoformat(),
        "requestCharacters": len(job.request["Text"]),
        "snsTopicArn": topic,
        "outputFormat": job.request["OutputFormat"],
        "voiceId": job.request["VoiceId"],
    }
    cloud.publish(topic, message | ({"taskStatusReason": job.reason} if job.status == FAILED else {}))


def _write(text: str, path: Path) -> None:
    """Write a tone and a pause for each word; the letters determine the pitch."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLES_A_SECOND)
        left = LONGEST_SECONDS
        for word in text.split():
            seconds = SECONDS_A_LETTER * (len(word) + 1)
            left -= seconds
            if left < 0:
                break
            count = int(seconds * SAMPLES_A_SECOND)
            step = 2 * math.pi * (150 + sum(map(ord, word)) % 200) / SAMPLES_A_SECOND
            sounding = count * len(word) // (len(word) + 1)
            samples = [int(8000 * math.sin(step * n)) if n < sounding else 0 for n in range(count)]
            file.writeframes(struct.pack(f"<{count}h", *samples))


def _key(request: Params, task: str) -> str:
    """Return the key of a task's file; Polly separates a prefix with a dot."""
    prefix = request.get("OutputS3KeyPrefix")
    return (
        f"{prefix}.{task}.{ENDINGS[request['OutputFormat']]}"
        if prefix
        else f"{task}.{ENDINGS[request['OutputFormat']]}"
    )


def _uri(job: LedgerJob, cloud: AwsClients) -> str:
    return f"https://s3.{cloud.region}.amazonaws.com/{job.asset}"


def _described(job: LedgerJob, cloud: AwsClients) -> Params:
    names_ = ("Engine", "SnsTopicArn", "LexiconNames", "OutputFormat", "SampleRate", "SpeechMarkTypes", "TextType")
    description = {name: job.request[name] for name in (*names_, "VoiceId", "LanguageCode") if name in job.request}
    description |= {
        "TaskId": job.job_id,
        "TaskStatus": STATUS[job.status],
        "OutputUri": _uri(job, cloud),
        "CreationTime": datetime.fromtimestamp(job.started_at, UTC),
        "RequestCharacters": len(job.request["Text"]),
    }
    return description | ({"TaskStatusReason": job.reason} if job.status == FAILED else {})


def _subject(params: Params, answer: Params) -> JobSubject:
    """Return the subject; its token is a folder of the output prefix."""
    tokens = [part for part in params.get("OutputS3KeyPrefix", "").split("/") if _SEGMENT.fullmatch(part)]
    task = answer.get("SynthesisTask", {}).get("TaskId") or params.get("TaskId")
    return JobSubject(None, tokens[0] if tokens else None, task)


SERVICE = Service(
    name="polly",
    invalid="ValidationException",
    failure="ServiceFailureException",
    operations={
        "StartSpeechSynthesisTask": start_speech_synthesis_task,
        "GetSpeechSynthesisTask": get_speech_synthesis_task,
        "ListSpeechSynthesisTasks": list_speech_synthesis_tasks,
    },
    jobs={"StartSpeechSynthesisTask": JobKind(work, announce)},
    subject=_subject,
    synthetic=frozenset({"StartSpeechSynthesisTask"}),
)
