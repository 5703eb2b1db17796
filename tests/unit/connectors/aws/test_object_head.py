"""Outcomes of HEAD requests: an object, none, or S3 that does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from headrace.connectors.aws.client import AwsSession
from headrace.connectors.aws.object_head import PAUSE_SECONDS, ObjectHead, ObjectHeads, ObjectHeadUnavailableError
from tests.support.http_server import Request, Response, serving

FOUND = Response(200, b"", {"ETag": '"e1"', "Last-Modified": "Sat, 14 Mar 2026 15:09:26 GMT"})


class Store:
    """A store that answers every request alike, and requests to it at a time that the test sets."""

    def __init__(self) -> None:
        self.answer = FOUND
        self.asked: list[str] = []
        self.now = 100.0
        self.heads = ObjectHeads(AwsSession(), lambda: self.now)

    def respond(self, request: Request) -> Response:
        self.asked.append(f"{request.method} {request.path}")
        return self.answer

    def head(self, bucket: str = "media", key: str = "a b.jpg", version_id: str | None = None) -> ObjectHead | None:
        return self.heads(bucket, key, version_id)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    store = Store()
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda seconds: None))  # between attempts
    with serving(store.respond) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        yield store


def test_etag_and_time_of_an_object(store: Store) -> None:
    assert store.head() == ObjectHead("e1", datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC))
    store.head(version_id="v1")
    assert store.asked == ["HEAD /media/a%20b.jpg", "HEAD /media/a%20b.jpg?versionId=v1"]


@pytest.mark.parametrize("status", [404, 405])
def test_missing_object_is_none_without_a_log_line(store: Store, status: int) -> None:
    store.answer = Response(status)
    with capture_logs() as lines:
        assert store.head() is None
    assert lines == []


def test_rejected_request_is_none_and_logged_once(store: Store) -> None:
    store.answer = Response(403)
    with capture_logs() as lines:
        assert [store.head(), store.head()] == [None, None]
    [line] = lines
    assert "403: allow s3:GetObject and s3:ListBucket" in line["reason"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_failing_store_is_asked_again_after_a_pause(store: Store, status: int) -> None:
    store.answer = Response(status)
    with pytest.raises(ObjectHeadUnavailableError):
        store.head()
    asked = len(store.asked)
    with pytest.raises(ObjectHeadUnavailableError):
        store.head()
    assert len(store.asked) == asked
    store.answer, store.now = FOUND, store.now + PAUSE_SECONDS
    assert store.head() is not None


def test_unreachable_store_is_unavailable(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    with pytest.raises(ObjectHeadUnavailableError):
        store.head()


@pytest.mark.parametrize(
    ("bucket", "key"), [("", "a"), ("a", "a"), ("media/x", "a"), ("arn:aws:s3:::media", "a"), ("media", "")]
)
def test_invalid_names_send_no_request(store: Store, bucket: str, key: str) -> None:
    assert store.head(bucket, key) is None
    assert store.asked == []


def test_answer_without_a_time_is_none(store: Store) -> None:
    store.answer = Response(200, b"", {"ETag": '"e1"'})
    assert store.head() is None
