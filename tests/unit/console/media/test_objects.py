"""Objects of S3 for pages: ranges, versions, and errors."""

from __future__ import annotations

import io
from typing import Any

import pytest
from botocore.response import StreamingBody

from headrace.connectors.aws.client import AwsCallError, AwsSession
from headrace.console.errors import UnavailableError
from headrace.console.media.objects import (
    LARGEST_RESULT,
    MediaObjects,
    ObjectGoneError,
    ObjectName,
    RangeNotSatisfiableError,
    parse_location,
)


class FakeS3(AwsSession):
    """Returns one object, or raises an error."""

    def __init__(self, content: bytes = b"0123456789", error: str | None = None, length: int | None = None) -> None:
        super().__init__()
        self.content, self.error, self.length = content, error, length
        self.calls: list[dict[str, Any]] = []

    def call_with_retries(self, service: str, operation: str, region: str = "", **parameters: Any) -> dict[str, Any]:
        self.calls.append(parameters)
        if self.error is not None:
            raise AwsCallError("failed", self.error)
        body = StreamingBody(io.BytesIO(self.content), len(self.content))
        length = len(self.content) if self.length is None else self.length
        return {"Body": body, "ContentLength": length, "ContentType": "video/mp4"}


@pytest.mark.parametrize("byte_range", ["bytes=0-", "bytes=0-99", "bytes=-500"])
def test_passes_a_range_on(byte_range: str) -> None:
    s3 = FakeS3()
    MediaObjects(s3).open(ObjectName("b", "k"), byte_range)
    assert s3.calls[0]["Range"] == byte_range


@pytest.mark.parametrize("byte_range", ["", "bytes=0-1,4-5", "items=0-1", "bytes=-", "bytes=0-1\r\nx: y"])
def test_ignores_a_range_that_it_does_not_support(byte_range: str) -> None:
    s3 = FakeS3()
    part = MediaObjects(s3).open(ObjectName("b", "k"), byte_range)
    assert "Range" not in s3.calls[0]
    assert b"".join(part.chunks()) == b"0123456789"


def test_asks_for_one_version() -> None:
    s3 = FakeS3()
    MediaObjects(s3).open(ObjectName("b", "k", "v1", "e1"))
    MediaObjects(s3).open(ObjectName("b", "k", None, "e1"))
    assert [call.get("VersionId") for call in s3.calls] == ["v1", None]
    assert [call.get("IfMatch") for call in s3.calls] == [None, '"e1"']


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("NoSuchKey", ObjectGoneError),
        ("PreconditionFailed", ObjectGoneError),
        ("InvalidRange", RangeNotSatisfiableError),
        ("SlowDown", UnavailableError),
        ("", UnavailableError),
    ],
)
def test_explains_errors(code: str, expected: type[Exception]) -> None:
    with pytest.raises(expected):
        MediaObjects(FakeS3(error=code)).open(ObjectName("b", "k"), "bytes=9-")


def test_reads_small_results_only() -> None:
    assert MediaObjects(FakeS3(b"{}")).read("s3://b/k") == b"{}"
    with pytest.raises(ObjectGoneError, match="pages show at most"):
        MediaObjects(FakeS3(length=LARGEST_RESULT + 1)).read("s3://b/k")


def test_parses_locations() -> None:
    assert parse_location("s3://b/a//..\n/c") == ObjectName("b", "a//..\n/c")
    with pytest.raises(ObjectGoneError):
        parse_location("http://b/k")
