"""AWS error codes by kind: the one table for stages and sinks. A modelled code that is missing fails a test.

Sources: botocore's service models for the errors of each operation; Amazon Rekognition Developer Guide, "Error
handling"; the API References of the other services.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from headrace.schemas.delivery import FailureKind

CODES: Mapping[FailureKind, tuple[str, ...]] = {
    "outage": (
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
    "throttled": (
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "KMSThrottling",
        "KMSThrottlingException",
        # Rekognition and Transcribe: all slots for concurrent jobs are taken.
        "LimitExceededException",
        "ModelNotReadyException",
        "OverLimit",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        # Bedrock and MediaConvert: an account quota that other clients share.
        "ServiceQuotaExceededException",
        "SlowDown",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    ),
    "transient": (
        "EC2UnexpectedException",
        "InternalError",
        "InternalErrorException",
        "InternalException",
        "InternalFailure",
        "InternalFailureException",
        "InternalServerError",
        "InternalServerErrorException",
        "InternalServerException",
        "ModelErrorException",
        "ModelTimeoutException",
        # The object was deleted after the event. The event of its deletion, which supersedes it, may be on its way.
        "NoSuchKey",
        "NoSuchVersion",
        "OperationAborted",
        "RequestTimeout",
        "ResourceConflictException",
        # Lambda: the function is being activated. Rekognition: the model version is not deployed yet.
        "ResourceNotReadyException",
        "ServiceException",
        "ServiceFailureException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    ),
    "permanent": (
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
        # S3 CopyObject: the source is in an archive.
        "ObjectNotInActiveTierError",
        "PreconditionFailed",
        "ResourceAlreadyExistsException",
        "ResourceNotFoundException",
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
KIND_OF_CODE: Mapping[str, FailureKind] = {code: kind for kind, codes in CODES.items() for code in codes}


def kind_of(code: str, status: int = 400) -> FailureKind:
    """Return the kind of an error code. An unknown code is transient for an HTTP status of 500 or more.

    A store that is full is an outage: S3 is never full, and stores compatible with it have codes of their own.
    """
    short = code.rpartition(".")[2]  # SQS prefixes some codes: AWS.SimpleQueueService.NonExistentQueue
    if status == HTTPStatus.INSUFFICIENT_STORAGE:
        return "outage"
    return KIND_OF_CODE.get(short, "transient" if status >= 500 else "permanent")
