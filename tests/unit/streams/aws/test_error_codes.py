"""Every error of every operation that the stages call has a meaning."""

from __future__ import annotations

import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError

from headrace.streams.aws.client import Aws
from headrace.streams.aws.error_codes import MEANING_OF, MEANINGS, OPERATIONS, failure_of
from headrace.streams.errors import Failure, Outage, Throttled, Transient, Unprocessable
from headrace.streams.limits.rate_limits import Rates


def modelled() -> list[tuple[str, str]]:
    """Every error code that botocore's models know for our operations."""
    session = botocore.session.get_session()
    found = set()
    for service, operations in OPERATIONS.items():
        model = session.get_service_model(service)
        for name in model.operation_names:
            if xform_name(name) in operations:
                shapes = model.operation_model(name).error_shapes
                found |= {(service, shape.metadata.get("error", {}).get("code", shape.name)) for shape in shapes}
    return sorted(found)


@pytest.mark.parametrize(("service", "code"), modelled())
def test_every_modelled_error_has_a_meaning(service: str, code: str) -> None:
    assert code in MEANING_OF


def test_the_models_were_read() -> None:
    assert len(modelled()) > 15


def test_no_code_means_two_things() -> None:
    assert sum(len(codes) for codes in MEANINGS.values()) == len(MEANING_OF)


def answer(code: str, status: int = 400) -> ClientError:
    response = {"Error": {"Code": code, "Message": "words"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "DetectLabels")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (answer("ExpiredToken"), Outage),
        (answer("LimitExceededException"), Throttled),
        (answer("InternalServerError", 500), Transient),
        (answer("ImageTooLargeException"), Unprocessable),
        (answer("SomethingNew", 503), Transient),
        (answer("SomethingNew", 400), Unprocessable),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), Outage),
        (NoCredentialsError(), Outage),
        (ReadTimeoutError(endpoint_url="http://127.0.0.1:1"), Transient),
    ],
)
def test_an_error_of_the_sdk_becomes_a_failure(error: ClientError, kind: type[Failure]) -> None:
    assert type(failure_of(error)) is kind


def test_the_words_of_the_service_are_kept() -> None:
    assert str(failure_of(answer("ImageTooLargeException"))) == "DetectLabels: ImageTooLargeException: words"


async def test_an_operation_without_a_meaning_is_refused() -> None:
    with pytest.raises(LookupError, match="delete_object"):
        await Aws(1, Rates({}, {})).call("s3", "delete_object")
