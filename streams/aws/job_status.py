"""`streams.services.Jobs`: how a job is, asked of the service that works on it, with one call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from headrace.schemas.records import JobFinished, JobStarted
from headrace.streams.aws.client import AwsClient

_SUCCEEDED = {"SUCCEEDED", "PARTIAL_SUCCESS", "COMPLETED", "COMPLETE"}
_FAILED = {"FAILED", "ERROR", "CANCELED"}


@dataclass(frozen=True, slots=True)
class _StatusCall:
    """Which call tells how a job is, under which name it takes the id, and where the answer has status and reason."""

    method: str
    id: str
    status: str
    reason: str
    within: str = ""
    options: Callable[[], dict[str, Any]] = dict


def _page() -> dict[str, Any]:
    return {"MaxResults": 1}


STATUS_CALLS = {
    ("transcribe", "StartTranscriptionJob"): _StatusCall(
        "get_transcription_job", "TranscriptionJobName", "TranscriptionJobStatus", "FailureReason", "TranscriptionJob"
    ),
    ("textract", "StartDocumentTextDetection"): _StatusCall(
        "get_document_text_detection", "JobId", "JobStatus", "StatusMessage", options=_page
    ),
    ("textract", "StartDocumentAnalysis"): _StatusCall(
        "get_document_analysis", "JobId", "JobStatus", "StatusMessage", options=_page
    ),
    ("polly", "StartSpeechSynthesisTask"): _StatusCall(
        "get_speech_synthesis_task", "TaskId", "TaskStatus", "TaskStatusReason", "SynthesisTask"
    ),
    ("mediaconvert", "CreateJob"): _StatusCall("get_job", "Id", "Status", "ErrorMessage", "Job"),
    **{
        ("rekognition", f"Start{operation}"): _StatusCall(method, "JobId", "JobStatus", "StatusMessage", options=_page)
        for operation, method in (
            ("LabelDetection", "get_label_detection"),
            ("ContentModeration", "get_content_moderation"),
            ("FaceDetection", "get_face_detection"),
            ("TextDetection", "get_text_detection"),
            ("SegmentDetection", "get_segment_detection"),
            ("CelebrityRecognition", "get_celebrity_recognition"),
        )
    },
}


class AwsJobStatus:
    """Knows how jobs are, from the services themselves."""

    def __init__(self, aws: AwsClient, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._aws = aws
        self._clock = clock

    async def completion_of(self, job: JobStarted) -> JobFinished | None:
        """Say how a job has ended, in the words of its completion; None while it runs."""
        question = STATUS_CALLS[job.service, job.operation]
        asked = {question.id: job.job_id, **question.options()}
        answer = await self._aws.call(job.service, question.method, **asked)
        told = answer[question.within] if question.within else answer
        status = str(told[question.status]).upper()
        if status not in _SUCCEEDED | _FAILED:
            return None
        good = status in _SUCCEEDED
        return JobFinished(
            token=job.token,
            service=job.service,
            operation=job.operation,
            job_id=job.job_id,
            status="succeeded" if good else "failed",
            message=None if good else told.get(question.reason) or status,
            finished_at=self._clock(),
        )
