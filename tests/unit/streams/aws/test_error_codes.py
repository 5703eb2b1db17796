"""Tests that every error code of the called operations maps to a stage error."""

from __future__ import annotations

import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError

from headrace.schemas.aws_errors import CODES, KIND_OF_CODE
from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.error_codes import OPERATIONS, to_stage_error
from headrace.streams.errors import OutageError, PermanentError, StageError, ThrottledError, TransientError
from headrace.streams.limits.rate_limits import RateLimits


def modelled() -> list[tuple[str, str]]:
    """Return the error codes of botocore's models for the called operations."""
    session = botocore.session.get_session()
    codes = set()
    for service, operations in OPERATIONS.items():
        model = session.get_service_model(service)
        for name in model.operation_names:
            if xform_name(name) in operations:
                shapes = model.operation_model(name).error_shapes
                codes |= {(service, shape.metadata.get("error", {}).get("code", shape.name)) for shape in shapes}
    return sorted(codes)


@pytest.mark.parametrize(("service", "code"), modelled())
def test_every_modelled_error_code_is_mapped(service: str, code: str) -> None:
    assert code in KIND_OF_CODE


def test_models_have_error_codes() -> None:
    assert len(modelled()) > 15


def test_every_code_has_one_kind() -> None:
    assert sum(len(codes) for codes in CODES.values()) == len(KIND_OF_CODE)


def answer(code: str, status: int = 400) -> ClientError:
    response = {"Error": {"Code": code, "Message": "reason"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "DetectLabels")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (answer("ExpiredToken"), OutageError),
        (answer("LimitExceededException"), ThrottledError),
        (answer("InternalServerError", 500), TransientError),
        (answer("ImageTooLargeException"), PermanentError),
        (answer("SomethingNew", 503), TransientError),
        (answer("XMinioStorageFull", 507), OutageError),
        (answer("SomethingNew", 400), PermanentError),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), OutageError),
        (NoCredentialsError(), OutageError),
        (ReadTimeoutError(endpoint_url="http://127.0.0.1:1"), TransientError),
    ],
)
def test_converts_sdk_errors_to_stage_errors(error: ClientError, kind: type[StageError]) -> None:
    assert type(to_stage_error(error)) is kind


def test_error_contains_the_message_of_the_service() -> None:
    assert str(to_stage_error(answer("ImageTooLargeException"))) == "DetectLabels: ImageTooLargeException: reason"


async def test_rejects_unknown_operations() -> None:
    with pytest.raises(LookupError, match="delete_object"):
        await AwsClient(1, RateLimits({}, {})).call("s3", "delete_object")
