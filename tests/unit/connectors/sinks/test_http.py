"""The HTTP sink: signatures, response handling and SSRF protection."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import threading
import time
from collections.abc import Iterator

import pytest

from headrace.connectors.sinks.base import InvalidTargetError
from headrace.connectors.sinks.http import http_sink
from headrace.schemas.delivery import Delivery, DeliveryError
from headrace.schemas.parsing import MAX_WAIT_SECONDS
from headrace.schemas.redaction import PLACEHOLDER
from tests.support.http_server import Request, Response, serving

DELIVERY = Delivery(id="d-1", key="media/cat.jpg", body='{"a": "ü"}', detail_type="MediaReady", source="headrace/ready")


class Receiver:
    """A web server that returns a given response and records its requests."""

    def __init__(self) -> None:
        self.got: list[Request] = []
        self.response = Response()
        self.hold = threading.Event()
        self.hold.set()
        self.url = ""

    def answer(self, request: Request) -> Response:
        self.got.append(request)
        self.hold.wait(10)
        return self.response


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    with serving(made.answer) as url:
        made.url = f"{url}/hook"
        yield made
        made.hold.set()


@pytest.fixture(autouse=True)
def _private_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_PRIVATE_TARGETS", "127.0.0.1")


async def refusal(url: str, **settings: object) -> DeliveryError:
    with pytest.raises(DeliveryError) as refused:
        await http_sink(url, settings)(DELIVERY)
    return refused.value


async def test_delivery_is_signed(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_SECRET_HOOK", "s3cret")
    monkeypatch.setenv("HEADRACE_SECRET_KEY", "k-1")
    settings = {"secret": "env:HEADRACE_SECRET_HOOK", "headers": {"x-api-key": "env:HEADRACE_SECRET_KEY"}}
    await http_sink(receiver.url, settings)(DELIVERY)
    [got] = receiver.got
    headers = got.headers
    assert (got.path, got.body, headers["x-api-key"]) == ("/hook", DELIVERY.body.encode(), "k-1")
    assert headers["webhook-id"] == "d-1"
    signed = f"d-1.{headers['webhook-timestamp']}.".encode() + got.body
    digest = base64.b64encode(hmac.new(b"s3cret", signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{digest}"


@pytest.mark.parametrize("answer", ["got CANARY-1 and CANARY-2", "x" * 195 + "CANARY", '{"x": "CANARY-1"}'])
async def test_answer_that_repeats_our_headers_is_redacted(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setenv("HEADRACE_SECRET_HOOK", "CANARY-1")
    monkeypatch.setenv("HEADRACE_SECRET_KEY", "CANARY-2")
    receiver.response = Response(400, answer.encode())
    settings = {"secret": "env:HEADRACE_SECRET_HOOK", "headers": {"x-custom": "env:HEADRACE_SECRET_KEY"}}
    failure = await refusal(receiver.url, **settings)
    assert "CANA" not in str(failure)
    assert PLACEHOLDER in str(failure)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, "permanent"),
        (400, "permanent"),
        (301, "permanent"),
        (408, "transient"),
        (500, "transient"),
        (502, "transient"),
        (429, "throttled"),
        (503, "throttled"),
    ],
)
async def test_status_selects_the_failure_kind(receiver: Receiver, status: int, kind: str) -> None:
    receiver.response = Response(status, headers={"Location": receiver.url} if status == 301 else {})
    failure = await refusal(receiver.url)
    assert (failure.kind, failure.code) == (kind, f"http_{status}")
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [("17", 17), ("9" * 400, MAX_WAIT_SECONDS), ("Sat, 28 Nov 2020 19:30:00 GMT", 0), ("soon", 0), ("-5", 0), ("", 0)],
    ids=["seconds", "400 digits", "past", "text", "negative", "empty"],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_in_seconds_is_honoured(receiver: Receiver, status: int, value: str, expected: float) -> None:
    receiver.response = Response(status, headers={"Retry-After": value})
    failure = await refusal(receiver.url)
    assert (failure.kind, failure.after) == ("throttled", expected)


@pytest.mark.parametrize("form", ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"])
async def test_retry_after_as_a_date_is_honoured(receiver: Receiver, form: str) -> None:
    receiver.response = Response(503, headers={"Retry-After": time.strftime(form, time.gmtime(time.time() + 1800))})
    failure = await refusal(receiver.url)
    assert failure.kind == "throttled"
    assert 1500 <= failure.after <= 1800


async def test_timeout_is_transient(receiver: Receiver) -> None:
    receiver.hold.clear()
    failure = await refusal(receiver.url, timeout_seconds=0.2)
    assert (failure.kind, failure.code) == ("transient", "timeout")


async def test_unreachable_server_is_an_outage() -> None:
    with serving(lambda _: Response()) as url:
        pass  # the server has stopped
    assert (await refusal(url)).kind == "outage"


@pytest.mark.parametrize(
    ("url", "settings", "why"),
    [
        ("http://example.com/", {}, "give an https address"),
        ("http://10.0.0.1/", {}, "give an https address"),
        ("ftp://127.0.0.1/", {}, "give an https address"),
        ("https://user:word@example.com/", {}, "must not contain credentials"),
        ("https://:word@example.com/", {}, "must not contain credentials"),
        ("https://example.com:99999/", {}, "not a URL"),
        ("https://[::1/", {}, "not a URL"),
        ("https:///path", {}, "give an https address"),
        ("https://example.com\\@10.0.0.1/", {}, "printable characters"),
        ("https://example.com/\n", {}, "printable characters"),
        ("https://example.com/" + "a" * 3000, {}, "printable characters"),
        ("https://example.com/", {"secret": "s3cret"}, "secrets must be references: env:HEADRACE_SECRET_NAME"),
        ("https://example.com/", {"secret": "env:HEADRACE_SECRET_UNSET"}, "HEADRACE_SECRET_UNSET is not set"),
        ("https://example.com/", {"headers": {"a": "b"}}, "secrets must be references: env:HEADRACE_SECRET_NAME"),
        ("https://example.com/", {"headers": {"a": "env:AWS_SECRET_ACCESS_KEY"}}, "only variables HEADRACE_SECRET_*"),
        ("https://example.com/", {"headers": {"a": "env:HEADRACE_KAFKA_PASSWORD"}}, "only variables HEADRACE_SECRET_*"),
        ("https://example.com/", {"headers": {"a": "env:HEADRACE_SECRET_"}}, "only variables HEADRACE_SECRET_*"),
        ("https://example.com/", {"secret": "env:HEADRACE_SECRET_../HOME"}, "only variables HEADRACE_SECRET_*"),
        ("https://example.com/", {"secret": "env:headrace_secret_a"}, "only variables HEADRACE_SECRET_*"),
        ("https://example.com/", {"headers": {"a": "env:HEADRACE_SECRET_LINES"}}, "contains a line break"),
        ("https://example.com/", {"headers": {"a b": "env:HEADRACE_SECRET_A"}}, "not the name of a header"),
        ("https://example.com/", {"headers": {"": "env:HEADRACE_SECRET_A"}}, "not the name of a header"),
        ("https://example.com/", {"headers": {"Host": "env:HEADRACE_SECRET_A"}}, "not the name of a header"),
        ("https://example.com/", {"headers": {"Webhook-Signature": "env:HEADRACE_SECRET_A"}}, "one that the sink sets"),
        ("https://example.com/", {"headers": "a"}, "headers = { NAME"),
        ("https://example.com/", {"timeout_seconds": 0}, "timeout_seconds"),
        ("https://example.com/", {"timeout_seconds": True}, "timeout_seconds"),
        ("https://example.com/", {"timeout_seconds": "5"}, "timeout_seconds"),
        ("https://example.com/", {"timeout_seconds": float("nan")}, "timeout_seconds"),
        ("https://example.com/", {"allow_private": True}, "HEADRACE_PRIVATE_TARGETS"),
        ("https://example.com/", {"allow_private": "false"}, "HEADRACE_PRIVATE_TARGETS"),
        ("https://example.com/", {"retries": 3}, "unknown setting; known"),
    ],
)
def test_invalid_target_is_rejected(
    url: str, settings: dict[str, object], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_SECRET_LINES", "a\r\nx-admin: s3cret")
    monkeypatch.setenv("HEADRACE_SECRET_A", "s3cret")
    monkeypatch.setenv("HEADRACE_KAFKA_PASSWORD", "s3cret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    with pytest.raises(InvalidTargetError) as refused:
        http_sink(url, settings)
    assert why in str(refused.value)
    assert "s3cret" not in str(refused.value)


async def test_oversized_delivery_is_not_sent(receiver: Receiver) -> None:
    huge = Delivery("d", "k", "a" * (1024 * 1024 + 1), "t", "s")
    with pytest.raises(DeliveryError) as refused:
        await http_sink(receiver.url, {})(huge)
    assert (refused.value.code, receiver.got) == ("too_large", [])


async def test_410_disables_the_target_until_the_sink_is_created_again(receiver: Receiver) -> None:
    sink = http_sink(receiver.url, {})
    receiver.response = Response(410)
    for code in ("http_410", "target_disabled", "target_disabled"):
        with pytest.raises(DeliveryError) as refused:
            await sink(DELIVERY)
        assert (refused.value.kind, refused.value.code) == ("permanent", code)
        assert "restart the worker or apply a changed rule" in str(refused.value)
    assert len(receiver.got) == 1
    receiver.response = Response(204)
    await http_sink(receiver.url, {})(DELIVERY)
    assert len(receiver.got) == 2


async def test_compressed_response_is_not_decompressed(receiver: Receiver) -> None:
    bomb = gzip.compress(b"a" * 50_000_000)
    receiver.response = Response(500, bomb, {"Content-Encoding": "gzip"})
    assert "aaaa" not in str(await refusal(receiver.url))
