"""Amazon Rekognition: labels and moderation, of images at once and of videos by job."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path
from tempfile import TemporaryDirectory

from sandbox.ai import footage, forms, paging, vision
from sandbox.ai.cloud import Cloud, Refused
from sandbox.ai.errors import ServiceError, Unprocessable
from sandbox.ai.footage import Detection, Footage
from sandbox.ai.jobs import JobKind
from sandbox.ai.ledger import FAILED, Job, Subject, TooManyJobs
from sandbox.ai.service import Context, Params, Service
from sandbox.ai.vision import Label, Picture

# https://docs.aws.amazon.com/rekognition/latest/dg/limits.html
MOST_IMAGE_BYTES = 15 * 1024**2
MOST_VIDEO_BYTES = 10 * 1024**3
MOST_VIDEO_MILLIS = 6 * 3600 * 1000
LEAST_PIXELS, MOST_PIXELS = 80, 10_000
MOST_JOBS = 20
MOST_RESULTS = 1000
LIFE_SECONDS = 7 * 24 * 3600  # of tokens and of results

IMAGE_CONFIDENCE, VIDEO_CONFIDENCE, MODERATION_CONFIDENCE = 55, 50, 50


def detect_labels(params: Params, context: Context) -> Params:
    """Labels of an image, and its properties where they are asked for."""
    wanted = forms.wanted(params, IMAGE_CONFIDENCE)
    picture = _picture(params["Image"], context.cloud)
    features = params.get("Features") or ["GENERAL_LABELS"]
    answer: Params = {"LabelModelVersion": vision.MEASURED}
    if "GENERAL_LABELS" in features:
        found = [label for label in vision.labels(picture) if wanted(label)]
        answer["Labels"] = [forms.label(label) for label in found[: params.get("MaxLabels")]]
    if "IMAGE_PROPERTIES" in features:
        most = params.get("Settings", {}).get("ImageProperties", {}).get("MaxDominantColors", 10)
        answer["ImageProperties"] = forms.image_properties(picture, most)
    return answer


def detect_moderation_labels(params: Params, context: Context) -> Params:
    """Synthetic moderation labels of an image."""
    least = params.get("MinConfidence", MODERATION_CONFIDENCE)
    found = vision.moderation_labels(_picture(params["Image"], context.cloud))
    return {
        "ModerationLabels": [forms.moderation_label(label) for label in found if label.confidence >= least],
        "ModerationModelVersion": vision.SYNTHETIC,
        "ContentTypes": [],
    }


def start_label_detection(params: Params, context: Context) -> Params:
    """Start naming what is visible in a video."""
    forms.wanted(params, VIDEO_CONFIDENCE)  # contradicting filters are refused before the job, not in it
    return _start("StartLabelDetection", params, context)


def start_content_moderation(params: Params, context: Context) -> Params:
    """Start moderating a video."""
    return _start("StartContentModeration", params, context)


def get_label_detection(params: Params, context: Context) -> Params:
    """The state of a label detection, and a page of what it found."""
    job = _job("StartLabelDetection", params, context)
    found, answer = _results(job, params, context)
    aggregate_by = answer["GetRequestMetadata"]["AggregateBy"]
    answer["Labels"] = [forms.times(one, aggregate_by) | {"Label": forms.label(one.label)} for one in found]
    return answer | {"LabelModelVersion": vision.MEASURED}


def get_content_moderation(params: Params, context: Context) -> Params:
    """The state of a content moderation, and a page of what it found."""
    job = _job("StartContentModeration", params, context)
    found, answer = _results(job, params, context)
    aggregate_by = answer["GetRequestMetadata"]["AggregateBy"]
    answer["ModerationLabels"] = [
        forms.times(one, aggregate_by) | {"ModerationLabel": forms.moderation_label(one.label), "ContentTypes": []}
        for one in found
    ]
    return answer | {"ModerationModelVersion": vision.SYNTHETIC}


def _picture(image: Params, cloud: Cloud) -> Picture:
    try:
        opened = vision.read(_image_bytes(image, cloud))
        if min(opened.size) < LEAST_PIXELS:
            raise ServiceError("InvalidParameterException", "Request has Invalid Parameters")
        if max(opened.size) > MOST_PIXELS:
            raise ServiceError("ImageTooLargeException", f"An image has at most {MOST_PIXELS} pixels each way.")
        return vision.measure(opened)
    except vision.NotAPicture as error:
        raise ServiceError("InvalidImageFormatException", "Request has invalid image format") from error


def _image_bytes(image: Params, cloud: Cloud) -> bytes:
    if "Bytes" in image:
        return bytes(image["Bytes"])
    bucket, key, version = _location(image)
    if _size(bucket, key, version, cloud) > MOST_IMAGE_BYTES:
        raise ServiceError("ImageTooLargeException", f"An image in S3 has at most {MOST_IMAGE_BYTES} bytes.")
    return cloud.read(bucket, key, version)


def _location(media: Params) -> tuple[str, str, str | None]:
    where = media.get("S3Object", {})
    if "Bucket" not in where or "Name" not in where:
        raise ServiceError("InvalidParameterException", "Request has Invalid Parameters")
    return where["Bucket"], where["Name"], where.get("Version")


def _size(bucket: str, key: str, version: str | None, cloud: Cloud) -> int:
    try:
        return cloud.size(bucket, key, version)
    except Refused as error:
        why = "Unable to get object metadata from S3. Check object key, region and/or access permissions."
        raise ServiceError("InvalidS3ObjectException", why) from error


def _start(operation: str, params: Params, context: Context) -> Params:
    bucket, key, version = _location(params["Video"])
    if _size(bucket, key, version, context.cloud) > MOST_VIDEO_BYTES:
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


def _job(operation: str, params: Params, context: Context) -> Job:
    job = context.ledger.job("rekognition", params["JobId"])
    if job is None or job.operation != operation or job.started_at <= context.clock() - LIFE_SECONDS:
        raise ServiceError("ResourceNotFoundException", "Could not find JobId")
    return job


def _results(job: Job, params: Params, context: Context) -> tuple[list[Detection], Params]:
    """The detections on the page that `params` asks for, and what every answer says of its job."""
    view = {"SortBy": params.get("SortBy", "TIMESTAMP"), "AggregateBy": params.get("AggregateBy", "TIMESTAMPS")}
    said = {"JobId": job.job_id, "JobStatus": job.status, "Video": job.request["Video"], "GetRequestMetadata": view}
    said |= {"JobTag": job.request["JobTag"]} if "JobTag" in job.request else {}
    said |= {"StatusMessage": job.reason} if job.status == FAILED else {}
    if job.result is None:
        return [], said
    found = [Detection(start, end, Label(*label)) for start, end, label in job.result[view["AggregateBy"]]]
    if view["SortBy"] == "NAME":
        found.sort(key=lambda one: (one.label.name, -one.label.confidence, one.start))
    size = min(params.get("MaxResults", MOST_RESULTS), MOST_RESULTS)
    page = paging.Page(f"{job.job_id} {view}", params.get("NextToken"), size, context.clock())
    try:
        shown, token = paging.cut(found, page)
    except paging.BadToken as error:
        raise ServiceError("InvalidPaginationTokenException", "Request has Invalid Pagination Token") from error
    said |= {"VideoMetadata": job.result["metadata"]} | ({"NextToken": token} if token else {})
    return list(shown), said


def _label_work(job: Job, cloud: Cloud) -> Params:
    return _work(job, cloud, footage.points, forms.wanted(job.request, VIDEO_CONFIDENCE))


def _moderation_work(job: Job, cloud: Cloud) -> Params:
    least = job.request.get("MinConfidence", MODERATION_CONFIDENCE)
    return _work(job, cloud, footage.moderation_points, lambda label: label.confidence >= least)


def _work(
    job: Job, cloud: Cloud, look: Callable[[Footage], list[Detection]], wanted: Callable[[Label], bool]
) -> Params:
    seen = _watch(job, cloud)
    if seen.duration > MOST_VIDEO_MILLIS:
        raise Unprocessable("VideoTooLarge: a video lasts 6 hours at most.")
    found = [one for one in look(seen) if wanted(one.label)]
    return {
        "metadata": forms.video_metadata(seen),
        "TIMESTAMPS": [astuple(one) for one in found],
        "SEGMENTS": [astuple(one) for one in footage.segments(found, seen)],
    }


def _watch(job: Job, cloud: Cloud) -> Footage:
    bucket, key, version = _location(job.request["Video"])
    with TemporaryDirectory() as folder:
        file = Path(folder, "video")
        try:
            cloud.fetch(bucket, key, file, version)
        except Refused as error:
            raise Unprocessable("InvalidS3Object: the video is no longer there.") from error
        return footage.watch(file)


def _announce(job: Job, cloud: Cloud) -> None:
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


def _subject(params: Params, answer: Params) -> Subject:
    where = (params.get("Image") or params.get("Video") or {}).get("S3Object")
    asset = f"{where.get('Bucket')}/{where.get('Name')}" if where else None
    return Subject(asset, params.get("ClientRequestToken"), answer.get("JobId") or params.get("JobId"))


SERVICE = Service(
    name="rekognition",
    invalid="ValidationException",
    failure="InternalServerError",
    operations={
        "DetectLabels": detect_labels,
        "DetectModerationLabels": detect_moderation_labels,
        "StartLabelDetection": start_label_detection,
        "GetLabelDetection": get_label_detection,
        "StartContentModeration": start_content_moderation,
        "GetContentModeration": get_content_moderation,
    },
    jobs={
        "StartLabelDetection": JobKind(_label_work, _announce),
        "StartContentModeration": JobKind(_moderation_work, _announce),
    },
    subject=_subject,
)
