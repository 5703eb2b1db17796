"""What every AWS error means for a record, by its code. One table; a code that is not in it fails a test.

Sources: botocore's service models for which errors an operation can give; Amazon Rekognition Developer Guide, "Error
handling"; the API References of the other services for what they mean.
"""

from __future__ import annotations

from collections.abc import Callable

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
"""Every operation that the stages may call."""


def _outage(code: str, why: str) -> StageError:
    return OutageError(why)


def _throttled(code: str, why: str) -> StageError:
    return ThrottledError(why)


def _transient(code: str, why: str) -> StageError:
    return TransientError(why, code)


def _permanent(code: str, why: str) -> StageError:
    return PermanentError(code, why)


ERROR_KINDS: dict[Callable[[str, str], StageError], tuple[str, ...]] = {
    _outage: (
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    ),
    _throttled: (
        "BandwidthLimitExceeded",
        # Rekognition and Transcribe: all slots for concurrent jobs are taken.
        "LimitExceededException",
        "ModelNotReadyException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        # Bedrock and MediaConvert: a quota of the account that others use too.
        "ServiceQuotaExceededException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    ),
    _transient: (
        "InternalError",
        "InternalFailure",
        "InternalFailureException",
        "InternalServerError",
        "InternalServerErrorException",
        "InternalServerException",
        "ModelErrorException",
        "ModelTimeoutException",
        # The object was deleted after the event; the deletion's own event, which supersedes it, may be on its way.
        "NoSuchKey",
        "NoSuchVersion",
        "OperationAborted",
        "RequestTimeout",
        "ServiceFailureException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    ),
    _permanent: (
        "AccessDenied",
        "AccessDeniedException",
        "BadDocumentException",
        "BadRequestException",
        "ConflictException",
        "DetectedLanguageLowConfidenceException",
        "DocumentTooLargeException",
        "EncryptionTypeMismatch",
        "EngineNotSupportedException",
        "ForbiddenException",
        "HumanLoopQuotaExceededException",
        "IdempotentParameterMismatchException",
        "ImageTooLargeException",
        "InvalidImageFormatException",
        "InvalidJobIdException",
        "InvalidKMSKeyException",
        "InvalidObjectState",
        "InvalidPaginationTokenException",
        "InvalidParameterException",
        "InvalidRequest",
        "InvalidRequestException",
        "InvalidS3BucketException",
        "InvalidS3KeyException",
        "InvalidS3ObjectException",
        "InvalidSampleRateException",
        "InvalidSnsTopicArnException",
        "InvalidSsmlException",
        "InvalidTaskIdException",
        "InvalidWriteOffset",
        "LanguageNotSupportedException",
        "LexiconNotFoundException",
        "MarksNotSupportedForFormatException",
        "NoSuchBucket",
        "NotFoundException",
        "PreconditionFailed",
        "ResourceNotFoundException",
        "ResourceNotReadyException",
        "ResourceUnavailableException",
        "SsmlMarksNotSupportedForTextTypeException",
        "SynthesisTaskNotFoundException",
        "TextLengthExceededException",
        "TextSizeLimitExceededException",
        "TooManyParts",
        "UnsupportedDocumentException",
        "UnsupportedLanguageException",
        "UnsupportedLanguagePairException",
        "ValidationException",
        "VideoTooLargeException",
    ),
}
KIND_OF_CODE = {code: meaning for meaning, codes in ERROR_KINDS.items() for code in codes}

UNREACHABLE = (EndpointConnectionError, ConnectTimeoutError, NoCredentialsError, PartialCredentialsError, NoRegionError)


def to_stage_error(error: ClientError | BotoCoreError) -> StageError:
    """Say what an error of the SDK means for a record."""
    if isinstance(error, ClientError):
        return _answered(error)
    if isinstance(error, UNREACHABLE):
        return OutageError(str(error))
    if isinstance(error, ReadTimeoutError):
        return TransientError(str(error), "timeout")
    if isinstance(error, HTTPClientError):
        return TransientError(str(error), "connection")
    return PermanentError("refused", str(error))


def _answered(error: ClientError) -> StageError:
    """Go by the code; for one that AWS added since, by the HTTP status."""
    code = error.response["Error"].get("Code", "unknown")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    meaning = KIND_OF_CODE.get(code, _transient if status >= 500 else _permanent)
    return meaning(code, f"{error.operation_name}: {code}: {error.response['Error'].get('Message', '')}")
