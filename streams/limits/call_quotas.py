"""AWS's default quotas of calls per second, by service and SDK method, as `HEADRACE_RATES` names them.

They are those of us-east-1, which no Region exceeds; others have less. Sources, compared in November 2026: the pages
"endpoints and quotas" of Amazon Rekognition and Textract in the AWS General Reference, and "Guidelines and quotas" in
the Amazon Transcribe Developer Guide. An operation that is missing has a default of its own, which is shown by Service
Quotas. HEADRACE_RATES takes precedence.
"""

from __future__ import annotations

from collections.abc import Mapping

_IMAGES, _STARTS, _GETS = 50.0, 5.0, 20.0
_VIDEO_JOBS = (
    "label_detection",
    "content_moderation",
    "face_detection",
    "text_detection",
    "segment_detection",
    "celebrity_recognition",
    "face_search",
)

CALLS_PER_SECOND: Mapping[str, float] = {
    "rekognition.detect_labels": _IMAGES,
    "rekognition.detect_moderation_labels": _IMAGES,
    "rekognition.detect_faces": 100.0,
    "rekognition.detect_text": _IMAGES,
    "rekognition.recognize_celebrities": _IMAGES,
    "rekognition.index_faces": _IMAGES,
    "rekognition.search_faces": _IMAGES,
    "rekognition.search_faces_by_image": _IMAGES,
    "rekognition.detect_custom_labels": _IMAGES,
    **{f"rekognition.start_{job}": _STARTS for job in _VIDEO_JOBS},
    **{f"rekognition.get_{job}": _GETS for job in _VIDEO_JOBS},
    "transcribe.start_transcription_job": 25.0,
    "transcribe.get_transcription_job": 30.0,
    "textract.detect_document_text": 25.0,
    "textract.analyze_document": 10.0,
    "textract.start_document_text_detection": 15.0,
    "textract.get_document_text_detection": 25.0,
    "textract.start_document_analysis": 10.0,
    "textract.get_document_analysis": 10.0,
}
