"""Rekognition jobs on videos in S3: start, status and completion."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from headrace.sandbox.ai.framework import paging, video_analysis
from headrace.sandbox.ai.framework.aws_clients import AwsClients, CloudRefusedError
from headrace.sandbox.ai.framework.errors import ServiceError, UnprocessableMediaError
from headrace.sandbox.ai.framework.ledger import FAILED, LedgerJob
from headrace.sandbox.ai.framework.service import Params, ServiceContext
from headrace.sandbox.ai.framework.sns_jobs import SnsJobs
from headrace.sandbox.ai.framework.video_analysis import VideoAnalysis
from headrace.sandbox.ai.rekognition.inputs import location, size
from headrace.streams.limits.service_inputs import media_rule

# https://docs.aws.amazon.com/rekognition/latest/dg/limits.html
MAX_RESULTS = 1000
VIDEO_JOBS = SnsJobs("rekognition", "Video", max_running=20)

TimedItem = TypeVar("TimedItem")


def start(operation: str, params: Params, context: ServiceContext) -> Params:
    """Start a job on a video, or return the job that its token started. Raises `ServiceError`."""
    bucket, key, version = location(params["Video"])
    longest = max(encoding.max_bytes for encoding in media_rule("rekognition", operation).encodings)
    if size(bucket, key, version, context.cloud) > longest:
        raise ServiceError("VideoTooLargeException", f"A video has at most {longest} bytes.")
    return VIDEO_JOBS.start(operation, params, context)


def find(operation: str, params: Params, context: ServiceContext) -> LedgerJob:
    """Return the requested job. Raises `ServiceError` if the operation has no job with this id."""
    job = VIDEO_JOBS.find(operation, params, context)
    if job is None:
        raise ServiceError("ResourceNotFoundException", "Could not find JobId")
    return job


def page(
    job: LedgerJob, params: Params, items: Sequence[TimedItem], context: ServiceContext
) -> tuple[list[TimedItem], Params]:
    """Return the items of the requested page, and the common fields of a response."""
    fields: Params = {"JobId": job.job_id, "JobStatus": job.status, "Video": job.request["Video"]}
    fields |= {"JobTag": job.request["JobTag"]} if "JobTag" in job.request else {}
    fields |= {"StatusMessage": job.reason} if job.status == FAILED else {}
    if job.result is None:
        return [], fields
    size_ = min(params.get("MaxResults", MAX_RESULTS), MAX_RESULTS)
    listing = f"{job.job_id} {params.get('SortBy')} {params.get('AggregateBy')}"
    wanted = paging.ResultPage(listing, params.get("NextToken"), size_, context.clock())
    try:
        shown, token = paging.cut(items, wanted)
    except paging.InvalidTokenError as error:
        raise ServiceError("InvalidPaginationTokenException", "Request has Invalid Pagination Token") from error
    fields |= {"VideoMetadata": job.result["metadata"]} | ({"NextToken": token} if token else {})
    return list(shown), fields


def watch(job: LedgerJob, cloud: AwsClients) -> VideoAnalysis:
    """Analyse the video of a job. Raises `UnprocessableMediaError`."""
    bucket, key, version = location(job.request["Video"])
    with TemporaryDirectory() as folder:
        file = Path(folder, "video")
        try:
            cloud.fetch(bucket, key, file, version)
        except CloudRefusedError as error:
            raise UnprocessableMediaError("InvalidS3Object: the video is no longer there.") from error
        return video_analysis.watch(file)
