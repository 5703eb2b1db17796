"""Whatever an endpoint answers, a call returns a dictionary or raises a `StageError` with a bounded code and text."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from headrace.streams.aws.client import AwsClient
from headrace.streams.errors import PermanentError, StageError, ThrottledError, TransientError
from headrace.streams.limits.rate_limits import RateLimits

DEEP = b"[" * 100_000
HTML = b"<html>Bad gateway</body>"
LONG_CODE = json.dumps({"__type": "X" * 100_000, "message": "y" * 1_000_000}).encode()


def response(status: int, body: bytes, **headers: str) -> bytes:
    """Return the bytes of an HTTP response; `_` in the name of a header is a hyphen."""
    given = {"Content_Length": str(len(body)), "Connection": "close", **headers}
    lines = [f"HTTP/1.1 {status} X", *(f"{name.replace('_', '-')}: {value}" for name, value in given.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


UNREADABLE = {
    "deep": response(200, DEEP),
    "an error nested deeply": response(400, DEEP),
    "compressed without being asked": response(200, gzip.compress(b"{}")),
    "not UTF-8": response(200, b'{"Labels":[{"Name":"\xff"}]}'),
    "text for a list": response(200, b'{"Labels":[1]}'),
    "number for a list": response(200, b'{"Labels":7}'),
    "number for a code": response(400, b'{"__type":5}'),
    "list for an error": response(400, b"[]"),
}
"""Answers that the SDK fails at with errors of Python, and not with its own."""
OTHER: dict[str, tuple[bytes, type[StageError], str]] = {
    "bad gateway": (response(502, HTML), TransientError, "502"),
    "unavailable": (response(503, HTML), TransientError, "503"),
    "empty": (response(500, b""), TransientError, "500"),
    "throttled": (response(400, b'{"__type":"ThrottlingException"}'), ThrottledError, "ThrottlingException"),
    "no code": (response(400, b'{"__type":null,"message":null}'), PermanentError, "unknown"),
    "long code": (response(400, LONG_CODE), PermanentError, "unknown"),
    "control characters": (response(400, b'{"__type":"a\\u001b[31m"}'), PermanentError, "unknown"),
    "cut off": (response(200, b"{}", Content_Length="1000"), TransientError, "connection"),
    "no HTTP": (b"\x00\xff" * 50, TransientError, "connection"),
    "nothing": (b"", TransientError, "connection"),
}


@contextlib.contextmanager
def endpoint(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsClient]:
    """Answer each request with the same bytes, and close the connection."""
    for name, value in (("ACCESS_KEY_ID", "x"), ("SECRET_ACCESS_KEY", "x"), ("DEFAULT_REGION", "eu-central-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        threading.Thread(target=_serve, args=(server, answer), daemon=True).start()
        aws = AwsClient(1, RateLimits({}, {}))
        try:
            yield aws
        finally:
            aws.close()
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)


def _serve(server: socket.socket, answer: bytes) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                received = b""
                while b"\r\n\r\n" not in received:
                    received += connection.recv(65_536)
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65_536):
                    pass


async def error_of(answer: bytes, monkeypatch: pytest.MonkeyPatch, service: str, call: str, **given: Any) -> StageError:
    with endpoint(answer, monkeypatch) as aws, pytest.raises(StageError) as raised:
        await aws.call(service, call, **given)
    assert len(raised.value.code) <= 100
    assert len(str(raised.value)) < 2_000
    return raised.value


@pytest.mark.parametrize("answer", UNREADABLE.values(), ids=UNREADABLE)
async def test_answer_that_the_sdk_cannot_read_is_transient(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    error = await error_of(answer, monkeypatch, "rekognition", "detect_labels", Image={"Bytes": b"x"})
    assert (type(error), error.code) == (TransientError, "unreadable_answer")


@pytest.mark.parametrize(("answer", "kind", "code"), OTHER.values(), ids=OTHER)
async def test_other_error_has_its_kind_and_a_bounded_code(
    answer: bytes, kind: type[StageError], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = await error_of(answer, monkeypatch, "rekognition", "detect_labels", Image={"Bytes": b"x"})
    assert (type(error), error.code) == (kind, code)


@pytest.mark.parametrize(
    "answer",
    [
        response(400, b"<Error><Code/></Error>"),
        response(301, b"", Location="http://127.0.0.1:1/x"),
        response(200, b"{}", Content_Length="abc"),
    ],
    ids=["error without a code", "redirect in a circle", "length that is no number"],
)
async def test_s3_answer_is_an_error_of_the_stage(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    await error_of(answer, monkeypatch, "s3", "get_object", Bucket="results", Key="a")


async def test_body_that_is_cut_off_is_transient(monkeypatch: pytest.MonkeyPatch) -> None:
    with endpoint(response(200, b"{}", Content_Length="-5"), monkeypatch) as aws:
        found = await aws.call("s3", "get_object", Bucket="results", Key="a")
        with pytest.raises(TransientError) as raised:
            await aws.run(found["Body"].read)
    assert raised.value.code == "connection"
