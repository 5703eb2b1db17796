"""Jobs of Rekognition on videos in S3: how they start, what is said of them, and how their end is told."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from headrace.sandbox.ai.framework import paging
from headrace.sandbox.ai.framework.aws_clients import Cloud, Refused
from headrace.sandbox.ai.framework.errors import ServiceError, Unprocessable
from headrace.sandbox.ai.framework.ledger import FAILED, Job, TooManyJobs
from headrace.sandbox.ai.framework.service import Context, Params
from headrace.sandbox.ai.rekognition import video_analysis
from headrace.sandbox.ai.rekognition.inputs import location, size
from headrace.sandbox.ai.rekognition.video_analysis import Footage

# https://docs.aws.amazon.com/rekognition/latest/dg/limits.html
MOST_VIDEO_BYTES = 10 * 1024**3
MOST_VIDEO_MILLIS = 6 * 3600 * 1000
MOST_JOBS = 20
MOST_RESULTS = 1000
LIFE_SECONDS = 7 * 24 * 3600  # of tokens and of results

Item = TypeVar("Item")


def start(operation: str, params: Params, context: Context) -> Params:
    """Start a job on a video, or name the one that its token started; raises `ServiceError`."""
    bucket, key, version = location(params["Video"])
    if size(bucket, key, version, context.cloud) > MOST_VIDEO_BYTES:
        raise ServiceError("VideoTooLargeException", f"A video has at most {MOST_VIDEO_BYTES} bytes.")
    token = params.get("ClientRequestToken")
    job = Job(
        job_id=secrets.token_hex(32),
        service="rekognition",
        operation=operation,
        asset=f"{bucket}/{key}",
        token=token,
        request=params,
    )
    try:
        begun, _ = context.jobs.start(job, context.clock() - LIFE_SECONDS, MOST_JOBS)
    except TooManyJobs as error:
        raise ServiceError("LimitExceededException", f"At most {MOST_JOBS} jobs run at the same time.") from error
    if begun.request != params:
        raise ServiceError("IdempotentParameterMismatchException", "The token was used with other parameters.")
    return {"JobId": begun.job_id}


def find(operation: str, params: Params, context: Context) -> Job:
    """The job that is asked for; raises `ServiceError` where its operation started none of that id."""
    job = context.ledger.job("rekognition", params["JobId"])
    if job is None or job.operation != operation or job.started_at <= context.clock() - LIFE_SECONDS:
        raise ServiceError("ResourceNotFoundException", "Could not find JobId")
    return job


def page(job: Job, params: Params, items: Sequence[Item], context: Context) -> tuple[list[Item], Params]:
    """The items on the page that `params` asks for, and what every answer says of its job."""
    said: Params = {"JobId": job.job_id, "JobStatus": job.status, "Video": job.request["Video"]}
    said |= {"JobTag": job.request["JobTag"]} if "JobTag" in job.request else {}
    said |= {"StatusMessage": job.reason} if job.status == FAILED else {}
    if job.result is None:
        return [], said
    size_ = min(params.get("MaxResults", MOST_RESULTS), MOST_RESULTS)
    listing = f"{job.job_id} {params.get('SortBy')} {params.get('AggregateBy')}"
    wanted = paging.Page(listing, params.get("NextToken"), size_, context.clock())
    try:
        shown, token = paging.cut(items, wanted)
    except paging.BadToken as error:
        raise ServiceError("InvalidPaginationTokenException", "Request has Invalid Pagination Token") from error
    said |= {"VideoMetadata": job.result["metadata"]} | ({"NextToken": token} if token else {})
    return list(shown), said


def watch(job: Job, cloud: Cloud) -> Footage:
    """See the video of a job through; raises `Unprocessable`."""
    bucket, key, version = location(job.request["Video"])
    with TemporaryDirectory() as folder:
        file = Path(folder, "video")
        try:
            cloud.fetch(bucket, key, file, version)
        except Refused as error:
            raise Unprocessable("InvalidS3Object: the video is no longer there.") from error
        seen = video_analysis.watch(file)
    if seen.duration > MOST_VIDEO_MILLIS:
        raise Unprocessable("VideoTooLarge: a video lasts 6 hours at most.")
    return seen


def announce(job: Job, cloud: Cloud) -> None:
    """Tell the job's topic of its end."""
    channel = job.request.get("NotificationChannel")
    if channel is None:
        return
    where = job.request["Video"]["S3Object"]
    message: Params = {
        "JobId": job.job_id,
        "Status": job.status,
        "API": job.operation,
        "Timestamp": round((job.finished_at or 0.0) * 1000),
        "Video": {"S3ObjectName": where["Name"], "S3Bucket": where["Bucket"]},
    }
    if "JobTag" in job.request:
        message["JobTag"] = job.request["JobTag"]
    cloud.publish(channel["SNSTopicArn"], message)
