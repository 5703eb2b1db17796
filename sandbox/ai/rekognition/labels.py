"""Amazon Rekognition: labels and moderation of images and videos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple

from headrace.sandbox.ai.framework import image_analysis, video_analysis
from headrace.sandbox.ai.framework.aws_clients import AwsClients
from headrace.sandbox.ai.framework.image_analysis import MeasuredLabel
from headrace.sandbox.ai.framework.job_runner import JobKind
from headrace.sandbox.ai.framework.ledger import JobSubject, LedgerJob
from headrace.sandbox.ai.framework.service import Params, Service, ServiceContext
from headrace.sandbox.ai.framework.video_analysis import Detection, VideoAnalysis
from headrace.sandbox.ai.rekognition import collections, custom_labels, other_features, responses
from headrace.sandbox.ai.rekognition.inputs import picture
from headrace.sandbox.ai.rekognition.jobs import VIDEO_JOBS, find, page, start, watch

IMAGE_CONFIDENCE, VIDEO_CONFIDENCE, MODERATION_CONFIDENCE = 55, 50, 50


def detect_labels(params: Params, context: ServiceContext) -> Params:
    """Return the labels of an image, and its properties if requested."""
    wanted = responses.wanted(params, IMAGE_CONFIDENCE)
    seen = picture(params["Image"], context.cloud)
    features = params.get("Features") or ["GENERAL_LABELS"]
    answer: Params = {"LabelModelVersion": image_analysis.MEASURED}
    if "GENERAL_LABELS" in features:
        found = [label for label in image_analysis.labels(seen) if wanted(label)]
        answer["Labels"] = [responses.label(label) for label in found[: params.get("MaxLabels")]]
    if "IMAGE_PROPERTIES" in features:
        most = params.get("Settings", {}).get("ImageProperties", {}).get("MaxDominantColors", 10)
        answer["ImageProperties"] = responses.image_properties(seen, most)
    return answer


def detect_moderation_labels(params: Params, context: ServiceContext) -> Params:
    """Return synthetic moderation labels of an image."""
    least = params.get("MinConfidence", MODERATION_CONFIDENCE)
    found = image_analysis.moderation_labels(picture(params["Image"], context.cloud))
    return {
        "ModerationLabels": [responses.moderation_label(label) for label in found if label.confidence >= least],
        "ModerationModelVersion": image_analysis.SYNTHETIC,
        "ContentTypes": [],
    }


def start_label_detection(params: Params, context: ServiceContext) -> Params:
    """Start a label detection job."""
    responses.wanted(params, VIDEO_CONFIDENCE)  # contradicting filters are rejected before the job starts
    return start("StartLabelDetection", params, context)


def start_content_moderation(params: Params, context: ServiceContext) -> Params:
    """Start a content moderation job."""
    return start("StartContentModeration", params, context)


def get_label_detection(params: Params, context: ServiceContext) -> Params:
    """Return the state of a label detection, and a page of its results."""
    job = find("StartLabelDetection", params, context)
    found, answer = _results(job, params, context)
    aggregate_by = answer["GetRequestMetadata"]["AggregateBy"]
    answer["Labels"] = [responses.times(one, aggregate_by) | {"Label": responses.label(one.label)} for one in found]
    return answer | {"LabelModelVersion": image_analysis.MEASURED}


def get_content_moderation(params: Params, context: ServiceContext) -> Params:
    """Return the state of a content moderation, and a page of its results."""
    job = find("StartContentModeration", params, context)
    found, answer = _results(job, params, context)
    aggregate_by = answer["GetRequestMetadata"]["AggregateBy"]
    answer["ModerationLabels"] = [
        responses.times(one, aggregate_by)
        | {"ModerationLabel": responses.moderation_label(one.label), "ContentTypes": []}
        for one in found
    ]
    return answer | {"ModerationModelVersion": image_analysis.SYNTHETIC}


def _results(job: LedgerJob, params: Params, context: ServiceContext) -> tuple[list[Detection], Params]:
    """Return the detections of the requested page, and the common fields of a response."""
    view = {"SortBy": params.get("SortBy", "TIMESTAMP"), "AggregateBy": params.get("AggregateBy", "TIMESTAMPS")}
    rows = job.result[view["AggregateBy"]] if job.result else []
    found = [Detection(first, last, MeasuredLabel(*label)) for first, last, label in rows]
    if view["SortBy"] == "NAME":
        found.sort(key=lambda one: (one.label.name, -one.label.confidence, one.start))
    shown, fields = page(job, params, found, context)
    return shown, fields | {"GetRequestMetadata": view}


def _label_work(job: LedgerJob, cloud: AwsClients) -> Params:
    return _work(job, cloud, video_analysis.points, responses.wanted(job.request, VIDEO_CONFIDENCE))


def _moderation_work(job: LedgerJob, cloud: AwsClients) -> Params:
    least = job.request.get("MinConfidence", MODERATION_CONFIDENCE)
    return _work(job, cloud, video_analysis.moderation_points, lambda label: label.confidence >= least)


def _work(
    job: LedgerJob,
    cloud: AwsClients,
    look: Callable[[VideoAnalysis], list[Detection]],
    wanted: Callable[[MeasuredLabel], bool],
) -> Params:
    seen = watch(job, cloud)
    found = [one for one in look(seen) if wanted(one.label)]
    return {
        "metadata": responses.video_metadata(seen),
        "TIMESTAMPS": [astuple(one) for one in found],
        "SEGMENTS": [astuple(one) for one in video_analysis.segments(found, seen)],
    }


def _subject(params: Params, answer: Params) -> JobSubject:
    where = (params.get("Image") or params.get("Video") or {}).get("S3Object")
    asset = f"{where.get('Bucket')}/{where.get('Name')}" if where else None
    return JobSubject(asset, params.get("ClientRequestToken"), answer.get("JobId") or params.get("JobId"))


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
        **other_features.OPERATIONS,
        **custom_labels.OPERATIONS,
        **collections.OPERATIONS,
    },
    jobs={
        "StartLabelDetection": JobKind(_label_work, VIDEO_JOBS.announce),
        "StartContentModeration": JobKind(_moderation_work, VIDEO_JOBS.announce),
        **other_features.JOBS,
        **collections.JOBS,
    },
    subject=_subject,
    synthetic=other_features.SYNTHETIC | custom_labels.SYNTHETIC | collections.SYNTHETIC,
    is_real=other_features.is_real,
)
