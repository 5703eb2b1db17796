"""Amazon Textract: text, forms and tables of documents, synchronous for one page, by job for more."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from headrace.sandbox.ai.framework import inputs, paging
from headrace.sandbox.ai.framework.aws_clients import AwsClients, CloudRefusedError
from headrace.sandbox.ai.framework.errors import ServiceError, UnprocessableMediaError
from headrace.sandbox.ai.framework.job_runner import JobKind
from headrace.sandbox.ai.framework.ledger import FAILED, JobSubject, LedgerJob
from headrace.sandbox.ai.framework.service import Params, Service, ServiceContext
from headrace.sandbox.ai.framework.sns_jobs import SnsJobs
from headrace.sandbox.ai.textract import documents
from headrace.sandbox.ai.textract.blocks import blocks
from headrace.sandbox.ai.textract.documents import DecodedDocument
from headrace.sandbox.names import REGION
from headrace.schemas.jobs import concurrent_jobs
from headrace.streams.limits.service_inputs import media_rule

MAX_RESULTS = 1000
DOCUMENT_JOBS = SnsJobs("textract", "DocumentLocation", max_running=concurrent_jobs(REGION)["textract"])
MODEL = "1.0"
TEXT, ANALYSIS = "StartDocumentTextDetection", "StartDocumentAnalysis"


def detect_document_text(params: Params, context: ServiceContext) -> Params:
    """Return the text of an image or PDF with one page."""
    found = _one_page(params["Document"], context)
    return {"DocumentMetadata": {"Pages": 1}, "Blocks": blocks(found), "DetectDocumentTextModelVersion": MODEL}


def analyze_document(params: Params, context: ServiceContext) -> Params:
    """Return the text of a document with one page, with its form fields and tables."""
    found = blocks(_one_page(params["Document"], context), params["FeatureTypes"])
    return {"DocumentMetadata": {"Pages": 1}, "Blocks": found, "AnalyzeDocumentModelVersion": MODEL}


def _one_page(document: Params, context: ServiceContext) -> DecodedDocument:
    if "Bytes" in document:
        found = _opened(bytes(document["Bytes"]))
    else:
        bucket, key, version = _location(document)
        _check_size("DetectDocumentText", _size(bucket, key, version, context.cloud))
        found = _opened(context.cloud.read(bucket, key, version))
    return found


def start(operation: str, params: Params, context: ServiceContext) -> Params:
    """Start a job that reads a document."""
    bucket, key, version = _location(params["DocumentLocation"])
    _check_size(operation, _size(bucket, key, version, context.cloud))
    return DOCUMENT_JOBS.start(operation, params, context)


def get(operation: str, model: str, params: Params, context: ServiceContext) -> Params:
    """Return the state of a job, and a page of its blocks."""
    job = DOCUMENT_JOBS.find(operation, params, context)
    if job is None:
        raise ServiceError("InvalidJobIdException", "Request has invalid Job Id")
    status: Params = {"JobStatus": job.status, model: MODEL}
    status |= {"StatusMessage": job.reason} if job.status == FAILED else {}
    if job.result is None:
        return status
    size = min(params.get("MaxResults", MAX_RESULTS), MAX_RESULTS)
    page = paging.ResultPage(job.job_id, params.get("NextToken"), size, context.clock())
    try:
        shown, token = paging.cut(job.result["blocks"], page)
    except paging.InvalidTokenError as error:
        raise ServiceError("InvalidParameterException", "Request has invalid parameters") from error
    status |= {"DocumentMetadata": {"Pages": job.result["pages"]}, "Blocks": list(shown)}
    return status | ({"NextToken": token} if token else {})


def work(job: LedgerJob, cloud: AwsClients) -> Params:
    """Read the document of `job`."""
    bucket, key, version = _location(job.request["DocumentLocation"])
    with TemporaryDirectory() as folder:
        file = Path(folder, "document")
        try:
            cloud.fetch(bucket, key, file, version)
        except CloudRefusedError as error:
            raise UnprocessableMediaError("INVALID_S3_OBJECT: the document is no longer there") from error
        found = documents.read(file, job.operation)
    return {"pages": len(found.pages), "blocks": blocks(found, job.request.get("FeatureTypes", ()))}


def _opened(data: bytes) -> DecodedDocument:
    with TemporaryDirectory() as folder:
        file = Path(folder, "document")
        file.write_bytes(data)
        try:
            return documents.read(file, "DetectDocumentText")
        except (documents.UnsupportedDocumentError, inputs.RefusedInputError) as error:
            raise ServiceError("UnsupportedDocumentException", "Request has unsupported document format") from error
        except UnprocessableMediaError as error:
            raise ServiceError("BadDocumentException", f"Request has a bad document: {error}") from error


def _check_size(operation: str, size: int) -> None:
    longest = max(encoding.max_bytes for encoding in media_rule("textract", operation).encodings)
    if size > longest:
        raise ServiceError("DocumentTooLargeException", f"A document has at most {longest} bytes.")


def _location(document: Params) -> tuple[str, str, str | None]:
    where = document.get("S3Object", {})
    if "Bucket" not in where or "Name" not in where:
        raise ServiceError("InvalidParameterException", "Request has invalid parameters")
    return where["Bucket"], where["Name"], where.get("Version")


def _size(bucket: str, key: str, version: str | None, cloud: AwsClients) -> int:
    try:
        return cloud.size(bucket, key, version)
    except CloudRefusedError as error:
        why = "Unable to get object metadata from S3. Check object key, region and/or access permissions."
        raise ServiceError("InvalidS3ObjectException", why) from error


def _subject(params: Params, answer: Params) -> JobSubject:
    where = (params.get("Document") or params.get("DocumentLocation") or {}).get("S3Object")
    asset = f"{where.get('Bucket')}/{where.get('Name')}" if where else None
    return JobSubject(asset, params.get("ClientRequestToken"), answer.get("JobId") or params.get("JobId"))


def _is_real(answer: Params) -> bool:
    return all(block.get("Text") != documents.SYNTHETIC for block in answer["Blocks"])


SERVICE = Service(
    name="textract",
    invalid="InvalidParameterException",
    failure="InternalServerError",
    operations={
        "DetectDocumentText": detect_document_text,
        "StartDocumentTextDetection": partial(start, TEXT),
        "GetDocumentTextDetection": partial(get, TEXT, "DetectDocumentTextModelVersion"),
        "AnalyzeDocument": analyze_document,
        "StartDocumentAnalysis": partial(start, ANALYSIS),
        "GetDocumentAnalysis": partial(get, ANALYSIS, "AnalyzeDocumentModelVersion"),
    },
    jobs={TEXT: JobKind(work, DOCUMENT_JOBS.announce), ANALYSIS: JobKind(work, DOCUMENT_JOBS.announce)},
    subject=_subject,
    synthetic=frozenset({"DetectDocumentText", "AnalyzeDocument"}),
    is_real=_is_real,
)
