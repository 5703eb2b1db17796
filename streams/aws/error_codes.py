"""The AWS operations that stages call, and the stage errors for the SDK's errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from headrace.schemas.aws_errors import kind_of
from headrace.schemas.jobs import JOB_SPECS
from headrace.streams.errors import OutageError, PermanentError, StageError, TransientError, error_of_kind
from headrace.streams.text_features import TEXT_FEATURES
from headrace.streams.vision_features import VISION_FEATURES

_CALLS: Mapping[str, tuple[str, ...]] = {
    "s3": ("list_objects_v2", "get_object", "get_object_tagging", "put_object", "copy_object"),
    "rekognition": (
        "describe_project_versions",
        *(method for feature in VISION_FEATURES.values() for method in feature.methods),
        *("create_collection", "index_faces", "search_faces", "search_faces_by_image"),
    ),
    "textract": ("detect_document_text", "analyze_document"),
    "comprehend": tuple(feature.method for feature in TEXT_FEATURES.values()),
    "translate": ("translate_text",),
    "bedrock-runtime": ("converse", "invoke_model"),
}
"""The operations of vision and text features and of face collections, and those that are not part of a job."""


def _operations() -> dict[str, tuple[str, ...]]:
    operations = dict(_CALLS)
    for spec in JOB_SPECS.values():
        operations[spec.service] = (*operations.get(spec.service, ()), *spec.methods)
    return operations


OPERATIONS = _operations()
"""Every operation that a stage may call; those of jobs are from `schemas.jobs`."""


UNREACHABLE = (EndpointConnectionError, ConnectTimeoutError, NoCredentialsError, PartialCredentialsError, NoRegionError)

UNREADABLE = (ResponseParserError, RuntimeError, ArithmeticError, LookupError, ValueError, TypeError, AttributeError)
"""Errors of the SDK for an answer that is not what its model says."""
_CODE = re.compile(r"[A-Za-z0-9._-]{1,100}")
_LONGEST_MESSAGE = 1_000


def to_stage_error(error: ClientError | BotoCoreError) -> StageError:
    """Return the stage error for an error of the SDK."""
    if isinstance(error, ClientError):
        return _from_response(error)
    if isinstance(error, UNREACHABLE):
        return OutageError(str(error))
    if isinstance(error, ReadTimeoutError):
        return TransientError(str(error), "timeout")
    if isinstance(error, HTTPClientError | IncompleteReadError):
        return TransientError(str(error), "connection")
    return PermanentError("refused", str(error))


def unreadable_answer(why: str) -> StageError:
    """Return the error for an answer that the SDK could not read, or that is not what its model says."""
    return TransientError(f"AWS returned an unreadable answer: {why[:_LONGEST_MESSAGE]}", "unreadable_answer")


def _from_response(error: ClientError) -> StageError:
    answer: Mapping[str, Any] = error.response["Error"]
    code = answer.get("Code")
    if not isinstance(code, str) or not _CODE.fullmatch(code):  # it becomes a header and a label of a metric
        code = "unknown"
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    why = f"{error.operation_name}: {code}: {str(answer.get('Message') or '')[:_LONGEST_MESSAGE]}"
    return error_of_kind(kind_of(code, status), code, why)
