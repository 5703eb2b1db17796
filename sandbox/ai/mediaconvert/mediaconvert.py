"""AWS Elemental MediaConvert: jobs with file and HLS output groups, transcoded with ffmpeg."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import NAMESPACE_URL, uuid5

from headrace.sandbox import names
from headrace.sandbox.ai.framework.aws_clients import AwsClients, CloudRefusedError
from headrace.sandbox.ai.framework.errors import ServiceError, UnprocessableMediaError
from headrace.sandbox.ai.framework.job_events import JobEvent, emit_job_event, ended_at
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
from headrace.sandbox.ai.mediaconvert import conversion

MAX_JOBS = 200
TOKEN_SECONDS = 60.0
LIFE_SECONDS = 90 * 24 * 3600
STATUS = {RUNNING: "PROGRESSING", SUCCEEDED: "COMPLETE", FAILED: "ERROR"}
ERROR_CODE = 1404
CONTENT_TYPES = {
    ".mp4": "video/mp4",
    ".m4a": "audio/mp4",
    ".jpg": "image/jpeg",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".ts": "video/mp2t",
}
REPEATED = ("ClientRequestToken", "Role", "Settings", "UserMetadata")


def create_job(params: Params, context: ServiceContext) -> Params:
    """Start a job. A request token is valid for one minute."""
    settings = params["Settings"]
    why = conversion.unsupported(settings)
    if why:
        raise ServiceError("BadRequestException", why)
    job = LedgerJob(
        job_id=f"{int(time.time() * 1000)}-{uuid5(NAMESPACE_URL, repr(params) + repr(time.time())).hex[:6]}",
        service="mediaconvert",
        operation="CreateJob",
        asset=settings["Inputs"][0]["FileInput"].removeprefix("s3://"),
        token=params.get("ClientRequestToken"),
        request=params,
    )
    try:
        begun, _ = context.jobs.start(job, context.clock() - TOKEN_SECONDS, MAX_JOBS)
    except TooManyJobsError as error:
        raise ServiceError("TooManyRequestsException", f"At most {MAX_JOBS} jobs wait at the same time.") from error
    if begun.request != params:
        raise ServiceError("ConflictException", "The token was used with other parameters.")
    return {"Job": _described(begun, context.cloud)}


def get_job(params: Params, context: ServiceContext) -> Params:
    """Return the state of a job."""
    job = context.ledger.job("mediaconvert", params["Id"])
    if job is None or job.started_at <= context.clock() - LIFE_SECONDS:
        raise ServiceError("NotFoundException", f"Job {params['Id']} was not found.")
    return {"Job": _described(job, context.cloud)}


def work(job: LedgerJob, cloud: AwsClients) -> Params:
    """Create and upload every output of a job."""
    bucket, _, key = job.asset.partition("/")
    stem = key.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    with TemporaryDirectory() as name:
        folder = Path(name)
        try:
            cloud.fetch(bucket, key, folder / "source")
        except CloudRefusedError as error:
            raise UnprocessableMediaError(f"Unable to open input file [s3://{job.asset}]: not found") from error
        settings = job.request["Settings"]
        upload = _Upload(conversion.open_source(folder / "source", settings), stem, cloud)
        groups = enumerate(settings["OutputGroups"])
        return {"groups": [_group(group, folder / str(n), upload) for n, group in groups]}


@dataclass(frozen=True, slots=True)
class _Upload:
    """The input of a job, the name of its outputs, and where they are stored."""

    source: conversion.SourceVideo
    stem: str
    cloud: AwsClients


def _group(group: Params, folder: Path, upload: _Upload) -> Params:
    """Create and upload the outputs of a group; names are the input's name and the output's modifier."""
    folder.mkdir()
    bucket, _, prefix = conversion.destination(group).removeprefix("s3://").partition("/")
    outputs, renditions = [], []
    for n, output in enumerate(group["Outputs"]):
        name = f"{upload.stem}{output.get('NameModifier', '')}"
        converted = conversion.make(upload.source, upload.stem, group, output, folder / str(n))
        paths = [_put(upload.cloud, bucket, f"{prefix}{name}{ending}", file) for ending, file in converted.files]
        renditions.append((name, converted))
        outputs.append(_output(converted, paths[:1] if conversion.is_hls(group) else paths))
    if not conversion.is_hls(group):
        return {"type": "FILE_GROUP", "outputs": outputs}
    listed = folder / "all.m3u8"
    listed.write_text(conversion.playlist(renditions), "utf-8")
    playlists = [_put(upload.cloud, bucket, f"{prefix}{upload.stem}.m3u8", listed)]
    return {"type": "HLS_GROUP", "outputs": outputs, "playlists": playlists}


def _put(cloud: AwsClients, bucket: str, key: str, file: Path) -> str:
    try:
        cloud.write(bucket, key, file.read_bytes(), CONTENT_TYPES[file.suffix])
    except CloudRefusedError as error:
        raise UnprocessableMediaError(f"Unable to write to [s3://{bucket}/{key}]") from error
    return f"s3://{bucket}/{key}"


def _output(converted: conversion.ConvertedFile, paths: list[str]) -> Params:
    """Return the details of an output for the job description and the event."""
    detail: Params = {"DurationInMs": converted.millis}
    event: Params = {"outputFilePaths": paths, "durationInMs": converted.millis}
    if converted.width:
        detail["VideoDetails"] = {"WidthInPx": converted.width, "HeightInPx": converted.height}
        event["videoDetails"] = {"widthInPx": converted.width, "heightInPx": converted.height}
    return {"detail": detail, "event": event}


def announce(job: LedgerJob, cloud: AwsClients) -> None:
    """Send the state change event; a repeated event has the same id."""
    detail: Params = {
        "timestamp": round(ended_at(job).timestamp() * 1000),
        "accountId": names.ACCOUNT,
        "queue": f"arn:aws:mediaconvert:{cloud.region}:{names.ACCOUNT}:queues/Default",
        "jobId": job.job_id,
        "status": STATUS[job.status],
        "userMetadata": job.request.get("UserMetadata", {}),
    }
    if job.result is not None:
        detail["outputGroupDetails"] = [
            {
                "outputDetails": [one["event"] for one in group["outputs"]],
                **({"playlistFilePaths": group["playlists"]} if "playlists" in group else {}),
                "type": group["type"],
            }
            for group in job.result["groups"]
        ]
    else:
        detail |= {"errorCode": ERROR_CODE, "errorMessage": job.reason}
    changed = JobEvent("aws.mediaconvert", "MediaConvert Job State Change", detail, (_arn(job, cloud),))
    emit_job_event(job, changed, cloud)


def _described(job: LedgerJob, cloud: AwsClients) -> Params:
    given: Params = {
        name: job.request[name]
        for name in ("ClientRequestToken", "Role", "Settings", "UserMetadata")
        if name in job.request
    }
    description: Params = {
        **given,
        "Id": job.job_id,
        "Arn": _arn(job, cloud),
        "Status": STATUS[job.status],
        "CreatedAt": datetime.fromtimestamp(job.started_at, UTC),
    }
    if job.status == FAILED:
        description |= {"ErrorCode": ERROR_CODE, "ErrorMessage": job.reason}
    if job.result is not None:
        description["OutputGroupDetails"] = [
            {"OutputDetails": [one["detail"] for one in group["outputs"]]} for group in job.result["groups"]
        ]
    return description


def _arn(job: LedgerJob, cloud: AwsClients) -> str:
    return f"arn:aws:mediaconvert:{cloud.region}:{names.ACCOUNT}:jobs/{job.job_id}"


def _subject(params: Params, answer: Params) -> JobSubject:
    inputs = params.get("Settings", {}).get("Inputs") or [{}]
    asset = inputs[0].get("FileInput", "").removeprefix("s3://") or None
    return JobSubject(asset, params.get("ClientRequestToken"), answer.get("Job", {}).get("Id") or params.get("Id"))


SERVICE = Service(
    name="mediaconvert",
    invalid="BadRequestException",
    failure="InternalServerErrorException",
    operations={"CreateJob": create_job, "GetJob": get_job},
    jobs={"CreateJob": JobKind(work, announce)},
    subject=_subject,
)
