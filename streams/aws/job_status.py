"""`streams.services.Jobs`: how a job is, asked of the service that works on it, with one call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from headrace.schemas.records import JobFinished, JobStarted
from headrace.streams.aws.client import Aws

_GOOD = {"SUCCEEDED", "PARTIAL_SUCCESS", "COMPLETED", "COMPLETE"}
_BAD = {"FAILED", "ERROR", "CANCELED"}


@dataclass(frozen=True, slots=True)
class _Question:
    """Which call tells how a job is, under which name it takes the id, and where the answer has status and reason."""

    method: str
    id: str
    status: str
    reason: str
    within: str = ""
    options: Callable[[], dict[str, Any]] = dict


def _page() -> dict[str, Any]:
    return {"MaxResults": 1}


QUESTIONS = {
    ("transcribe", "StartTranscriptionJob"): _Question(
        "get_transcription_job", "TranscriptionJobName", "TranscriptionJobStatus", "FailureReason", "TranscriptionJob"
    ),
    ("textract", "StartDocumentTextDetection"): _Question(
        "get_document_text_detection", "JobId", "JobStatus", "StatusMessage", options=_page
    ),
    ("textract", "StartDocumentAnalysis"): _Question(
        "get_document_analysis", "JobId", "JobStatus", "StatusMessage", options=_page
    ),
    ("polly", "StartSpeechSynthesisTask"): _Question(
        "get_speech_synthesis_task", "TaskId", "TaskStatus", "TaskStatusReason", "SynthesisTask"
    ),
    ("mediaconvert", "CreateJob"): _Question("get_job", "Id", "Status", "ErrorMessage", "Job"),
    **{
        ("rekognition", f"Start{operation}"): _Question(method, "JobId", "JobStatus", "StatusMessage", options=_page)
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


class AwsJobs:
    """Knows how jobs are, from the services themselves."""

    def __init__(self, aws: Aws, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._aws = aws
        self._clock = clock

    async def ended(self, job: JobStarted) -> JobFinished | None:
        """Say how a job has ended, in the words of its completion; None while it runs."""
        question = QUESTIONS[job.service, job.operation]
        asked = {question.id: job.job_id, **question.options()}
        answer = await self._aws.call(job.service, question.method, **asked)
        told = answer[question.within] if question.within else answer
        status = str(told[question.status]).upper()
        if status not in _GOOD | _BAD:
            return None
        good = status in _GOOD
        return JobFinished(
            token=job.token,
            service=job.service,
            operation=job.operation,
            job_id=job.job_id,
            status="succeeded" if good else "failed",
            message=None if good else told.get(question.reason) or status,
            finished_at=self._clock(),
        )
