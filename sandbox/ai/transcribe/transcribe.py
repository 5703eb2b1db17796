"""Amazon Transcribe: speech to text by job."""

from __future__ import annotations

from datetime import UTC, datetime

from headrace.sandbox.ai.framework import paging
from headrace.sandbox.ai.framework.aws_clients import AwsClients, CloudRefusedError
from headrace.sandbox.ai.framework.errors import ServiceError
from headrace.sandbox.ai.framework.job_runner import JobKind
from headrace.sandbox.ai.framework.ledger import FAILED, JobSubject, LedgerJob, TooManyJobsError
from headrace.sandbox.ai.framework.service import Params, Service, ServiceContext
from headrace.sandbox.ai.transcribe import job as transcribe_job
from headrace.sandbox.ai.transcribe.job import SERVICE_BUCKET, STATUS
from headrace.streams.limits.service_inputs import REDACTION_LANGUAGES

MAX_JOBS = 250  # https://docs.aws.amazon.com/transcribe/latest/dg/limits-guidelines.html
SERVICE_URL_SECONDS = 900

_REPEATED = (
    "TranscriptionJobName",
    "LanguageCode",
    "MediaSampleRateHertz",
    "MediaFormat",
    "Media",
    "ContentRedaction",
    "Settings",
    "ModelSettings",
    "JobExecutionSettings",
    "IdentifyLanguage",
    "IdentifyMultipleLanguages",
    "LanguageOptions",
    "Tags",
    "LanguageIdSettings",
)
_SUMMARISED = (
    "TranscriptionJobName",
    "CreationTime",
    "StartTime",
    "CompletionTime",
    "LanguageCode",
    "TranscriptionJobStatus",
    "FailureReason",
    "ContentRedaction",
    "ModelSettings",
    "IdentifyLanguage",
    "IdentifyMultipleLanguages",
    "IdentifiedLanguageScore",
)
_URIS = {"transcript": "TranscriptFileUri", "redacted": "RedactedTranscriptFileUri"}
_DEFAULT_SETTINGS = {"ChannelIdentification": False, "ShowAlternatives": False}
"""What GetTranscriptionJob returns for a job without settings."""


def start_transcription_job(params: Params, context: ServiceContext) -> Params:
    """Start transcribing a media file in S3."""
    _check(params)
    asset, name = _asset(params), params["TranscriptionJobName"]
    try:
        context.cloud.size(*transcribe_job.split_asset(asset))
    except CloudRefusedError as error:
        raise _bad_request("The URI that you provided doesn't point to an S3 object.") from error
    job = LedgerJob(
        job_id=name,
        service="transcribe",
        operation="StartTranscriptionJob",
        asset=asset,
        token=name,  # the name is the idempotency token, but its second use is an error
        request=params,
    )
    try:
        job, is_new = context.jobs.start(job, 0.0, MAX_JOBS)
    except TooManyJobsError as error:
        raise ServiceError("LimitExceededException", f"At most {MAX_JOBS} jobs run at the same time.") from error
    if not is_new:
        raise ServiceError("ConflictException", "The requested job name already exists. Use a different job name.")
    return {"TranscriptionJob": _described(job, context.cloud)}


def get_transcription_job(params: Params, context: ServiceContext) -> Params:
    """Return the state of a job and the location of its transcript."""
    described = _described(_job(params, context), context.cloud)
    settings = {**_DEFAULT_SETTINGS, **described.get("Settings", {})}
    return {"TranscriptionJob": {"Transcript": {}, **described, "Settings": settings}}


def list_transcription_jobs(params: Params, context: ServiceContext) -> Params:
    """Return a page of the jobs, newest first."""
    wanted, part = params.get("Status"), params.get("JobNameContains", "").lower()
    jobs = [job for job in context.ledger.jobs("transcribe") if part in job.job_id.lower()]
    jobs = [job for job in jobs if wanted in (None, STATUS[job.status])]
    page = paging.ResultPage(f"{wanted} {part}", params.get("NextToken"), params.get("MaxResults", 5), context.clock())
    try:
        shown, token = paging.cut(jobs, page)
    except paging.InvalidTokenError as error:
        raise _bad_request("The NextToken that you provided is not valid.") from error
    answer: Params = {"TranscriptionJobSummaries": [_summary(job, context.cloud) for job in shown]}
    answer |= {"Status": wanted} if wanted else {}
    return answer | ({"NextToken": token} if token else {})


def delete_transcription_job(params: Params, context: ServiceContext) -> Params:
    """Delete a job, so that its name can be used again."""
    context.ledger.delete(_job(params, context), context.clock())
    return {}


def _check(params: Params) -> None:
    languages = ("LanguageCode", "IdentifyLanguage", "IdentifyMultipleLanguages")
    if not all(transcribe_job.split_asset(_asset(params))):
        raise _bad_request("MediaFileUri is s3://bucket/key, or the URL of an object with the bucket in its path.")
    given = sum(bool(params.get(name)) for name in languages)
    if not given:
        raise _bad_request(
            "The language code is missing. Either add a language code or turn on language identification."
        )
    if given > 1:
        raise _bad_request(f"Give exactly one of {', '.join(languages)}.")
    if "OutputKey" in params and "OutputBucketName" not in params:
        raise _bad_request("OutputKey needs OutputBucketName.")
    if "ToxicityDetection" in params:  # without it, the caller would take toxic speech for harmless
        raise _bad_request("ToxicityDetection is not supported by this endpoint.")
    if "ContentRedaction" in params:
        _check_redaction(params)


def _check_redaction(params: Params) -> None:
    """Reject redaction in a language that AWS does not redact.

    Source: Amazon Transcribe Developer Guide, "Redacting PII in your batch job".
    """
    if "LanguageCode" not in params:
        raise _bad_request("Content redaction is not compatible with language identification. Give a LanguageCode.")
    if params["LanguageCode"] not in REDACTION_LANGUAGES:
        raise _bad_request(f"Content redaction is available with {', '.join(sorted(REDACTION_LANGUAGES))}.")


def _asset(params: Params) -> str:
    """Return `bucket/key` of the media, from an `s3://` URI or the path of an S3 URL."""
    scheme, _, rest = params.get("Media", {}).get("MediaFileUri", "").partition("://")
    return str(rest if scheme == "s3" else rest.partition("/")[2])


def _job(params: Params, context: ServiceContext) -> LedgerJob:
    job = context.ledger.job("transcribe", params["TranscriptionJobName"])
    if job is None:
        raise _bad_request("The requested job couldn't be found. Check the job name and try your request again.")
    return job


def _bad_request(message: str) -> ServiceError:
    return ServiceError("BadRequestException", message)


def _summary(job: LedgerJob, cloud: AwsClients) -> Params:
    description = _described(job, cloud)
    kind = "CUSTOMER_BUCKET" if "OutputBucketName" in job.request else "SERVICE_BUCKET"
    return {name: description[name] for name in _SUMMARISED if name in description} | {"OutputLocationType": kind}


def _described(job: LedgerJob, cloud: AwsClients) -> Params:
    description = {name: job.request[name] for name in _REPEATED if name in job.request}
    started = datetime.fromtimestamp(job.started_at, UTC)
    description |= {"TranscriptionJobStatus": STATUS[job.status], "CreationTime": started, "StartTime": started}
    if job.finished_at is not None and job.status != FAILED:  # AWS returns none for a failed job
        description["CompletionTime"] = datetime.fromtimestamp(job.finished_at, UTC)
    if job.status == FAILED:
        description["FailureReason"] = job.reason
    if job.result is not None:
        description |= job.result["found"]
        written = [(field, job.result[kind]) for kind, field in _URIS.items() if kind in job.result]
        description["Transcript"] = {field: _uri(job, key, cloud) for field, key in written}
    if "Subtitles" in job.request:
        uris = [_uri(job, key, cloud) for key in (job.result or {}).get("subtitles", ())]
        description["Subtitles"] = {"OutputStartIndex": 0, **job.request["Subtitles"], "SubtitleFileUris": uris}
    return description


def _uri(job: LedgerJob, key: str, cloud: AwsClients) -> str:
    if "OutputBucketName" in job.request:
        return f"https://s3.{cloud.region}.amazonaws.com/{job.request['OutputBucketName']}/{key}"
    return cloud.presigned(SERVICE_BUCKET, key, SERVICE_URL_SECONDS)


def _subject(params: Params, _: Params) -> JobSubject:
    name = params.get("TranscriptionJobName")
    return JobSubject(_asset(params) or None, name, name)


SERVICE = Service(
    name="transcribe",
    invalid="BadRequestException",
    failure="InternalFailureException",
    operations={
        "StartTranscriptionJob": start_transcription_job,
        "GetTranscriptionJob": get_transcription_job,
        "ListTranscriptionJobs": list_transcription_jobs,
        "DeleteTranscriptionJob": delete_transcription_job,
    },
    jobs={"StartTranscriptionJob": JobKind(transcribe_job.work, transcribe_job.announce)},
    subject=_subject,
)
