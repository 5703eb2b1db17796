"""Asynchronous AWS jobs: the status words, status calls and quotas of each service.

Quotas are AWS's defaults for an account and region. Sources: the pages "endpoints and quotas" of Rekognition, Textract
and Bedrock in the AWS General Reference and "Guidelines and quotas" of Transcribe, compared in November 2026; "Quotas"
of the Polly and MediaConvert guides; the API References for the calls and the status words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_FIRST_PAGE: Mapping[str, int] = {"MaxResults": 1}
_SUCCEEDED = frozenset({"SUCCEEDED", "PARTIAL_SUCCESS", "COMPLETED", "COMPLETE", "SUCCESS"})
_FAILED = frozenset({"FAILED", "ERROR", "CANCELED", "CANCELLED", "CLIENTERROR", "SERVICEERROR"})
_RUNNING = frozenset({"QUEUED", "SUBMITTED", "SCHEDULED", "CREATED", "IN_PROGRESS", "INPROGRESS", "PROGRESSING"})
DATA_AUTOMATION = "bedrock-data-automation-runtime"
"""The name of Bedrock Data Automation in the SDK."""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """How one operation that starts a job reports its status.

    `method` takes the job id as `id_parameter`. Its response has `status_field` and `reason_field`, inside of
    `result_field` if there is one.
    """

    service: str
    operation: str
    method: str
    id_parameter: str = "JobId"
    status_field: str = "JobStatus"
    reason_field: str = "StatusMessage"
    result_field: str = ""
    options: Mapping[str, int] = field(default_factory=dict)

    @property
    def methods(self) -> tuple[str, str]:
        """Return the SDK methods that start the job and read its status."""
        return re.sub(r"\B(?=[A-Z])", "_", self.operation).lower(), self.method


_SPECS = (
    JobSpec("rekognition", "StartFaceSearch", "get_face_search", options=_FIRST_PAGE),
    JobSpec("textract", "StartDocumentTextDetection", "get_document_text_detection", options=_FIRST_PAGE),
    JobSpec("textract", "StartDocumentAnalysis", "get_document_analysis", options=_FIRST_PAGE),
    JobSpec(
        "transcribe",
        "StartTranscriptionJob",
        "get_transcription_job",
        id_parameter="TranscriptionJobName",
        status_field="TranscriptionJobStatus",
        reason_field="FailureReason",
        result_field="TranscriptionJob",
    ),
    JobSpec(
        "polly",
        "StartSpeechSynthesisTask",
        "get_speech_synthesis_task",
        id_parameter="TaskId",
        status_field="TaskStatus",
        reason_field="TaskStatusReason",
        result_field="SynthesisTask",
    ),
    JobSpec(
        "mediaconvert",
        "CreateJob",
        "get_job",
        id_parameter="Id",
        status_field="Status",
        reason_field="ErrorMessage",
        result_field="Job",
    ),
    JobSpec(
        DATA_AUTOMATION,
        "InvokeDataAutomationAsync",
        "get_data_automation_status",
        id_parameter="invocationArn",
        status_field="status",
        reason_field="errorMessage",
    ),
)
JOB_SPECS: Mapping[tuple[str, str], JobSpec] = {(spec.service, spec.operation): spec for spec in _SPECS}
"""The specification of each job except those of vision features, by service and operation."""

CONCURRENT_JOBS: Mapping[str, int] = {
    "rekognition": 20,
    "transcribe": 250,
    "textract": 100,
    "polly": 100,
    "mediaconvert": 100,
    DATA_AUTOMATION: 20,  # for audio, images and videos each; 25 for documents
}
"""The default quota of jobs that run at the same time, by service, where a region has no other one."""

_REGIONAL_JOBS: Mapping[str, Mapping[str, int]] = {"us-east-1": {"textract": 600}, "us-west-2": {"textract": 600}}


def concurrent_jobs(region: str) -> Mapping[str, int]:
    """Return the default quota of jobs that run at the same time in a region, by service."""
    return {**CONCURRENT_JOBS, **_REGIONAL_JOBS.get(region, {})}


def succeeded(status: str) -> bool | None:
    """Return whether a status word means success; None while the job runs, and for an unknown word."""
    if status.upper() in _SUCCEEDED:
        return True
    return False if status.upper() in _FAILED else None


def is_running(status: str) -> bool:
    """Return whether a status word means that the job has not ended."""
    return status.upper() in _RUNNING
