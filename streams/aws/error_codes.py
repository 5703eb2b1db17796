"""The AWS operations that stages call, and the stage errors for the SDK's errors."""

from __future__ import annotations

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ReadTimeoutError,
)

from headrace.schemas.aws_errors import kind_of
from headrace.streams.errors import OutageError, PermanentError, StageError, ThrottledError, TransientError

OPERATIONS = {
    "s3": ("list_objects_v2", "get_object", "get_object_tagging", "put_object"),
    "rekognition": (
        "detect_labels",
        "detect_moderation_labels",
        "start_label_detection",
        "get_label_detection",
        "start_content_moderation",
        "get_content_moderation",
        "detect_faces",
        "start_face_detection",
        "get_face_detection",
        "detect_text",
        "start_text_detection",
        "get_text_detection",
        "start_segment_detection",
        "get_segment_detection",
        "recognize_celebrities",
        "start_celebrity_recognition",
        "get_celebrity_recognition",
    ),
    "transcribe": ("start_transcription_job", "get_transcription_job"),
    "textract": (
        "detect_document_text",
        "start_document_text_detection",
        "get_document_text_detection",
        "analyze_document",
        "start_document_analysis",
        "get_document_analysis",
    ),
    "comprehend": (
        "detect_entities",
        "detect_key_phrases",
        "detect_pii_entities",
        "detect_sentiment",
        "detect_dominant_language",
    ),
    "translate": ("translate_text",),
    "polly": ("start_speech_synthesis_task", "get_speech_synthesis_task"),
    "mediaconvert": ("create_job", "get_job"),
    "bedrock-runtime": ("converse",),
}
"""Every operation that a stage may call."""


UNREACHABLE = (EndpointConnectionError, ConnectTimeoutError, NoCredentialsError, PartialCredentialsError, NoRegionError)


def to_stage_error(error: ClientError | BotoCoreError) -> StageError:
    """Return the stage error for an error of the SDK."""
    if isinstance(error, ClientError):
        return _from_response(error)
    if isinstance(error, UNREACHABLE):
        return OutageError(str(error))
    if isinstance(error, ReadTimeoutError):
        return TransientError(str(error), "timeout")
    if isinstance(error, HTTPClientError):
        return TransientError(str(error), "connection")
    return PermanentError("refused", str(error))


def _from_response(error: ClientError) -> StageError:
    code = error.response["Error"].get("Code", "unknown")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    why = f"{error.operation_name}: {code}: {error.response['Error'].get('Message', '')}"
    match kind_of(code, status):
        case "outage":
            return OutageError(why)
        case "throttled":
            return ThrottledError(why)
        case "transient":
            return TransientError(why, code)
    return PermanentError(code, why)
