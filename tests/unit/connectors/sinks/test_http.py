"""The HTTP sink: signatures, response handling and SSRF protection."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from collections.abc import Iterator

import pytest

from headrace.connectors.sinks.base import InvalidTargetError
from headrace.connectors.sinks.http import http_sink
from headrace.connectors.sinks.ssrf_guard import is_public
from headrace.schemas.delivery import Delivery, DeliveryError
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


async def refusal(url: str, **settings: object) -> DeliveryError:
    with pytest.raises(DeliveryError) as refused:
        await http_sink(url, {"allow_private": True, **settings})(DELIVERY)
    return refused.value


async def test_delivery_is_signed(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", "s3cret")
    monkeypatch.setenv("HOOK_KEY", "k-1")
    settings = {"allow_private": True, "secret": "env:HOOK_SECRET", "headers": {"x-api-key": "env:HOOK_KEY"}}
    await http_sink(receiver.url, settings)(DELIVERY)
    [got] = receiver.got
    headers = got.headers
    assert (got.path, got.body, headers["x-api-key"]) == ("/hook", DELIVERY.body.encode(), "k-1")
    assert headers["webhook-id"] == "d-1"
    signed = f"d-1.{headers['webhook-timestamp']}.".encode() + got.body
    digest = base64.b64encode(hmac.new(b"s3cret", signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{digest}"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, "permanent"),
        (400, "permanent"),
        (301, "permanent"),
        (410, "permanent"),
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


async def test_retry_after_is_honoured(receiver: Receiver) -> None:
    receiver.response = Response(429, headers={"Retry-After": "17"})
    assert (await refusal(receiver.url)).after == 17.0


async def test_timeout_is_transient(receiver: Receiver) -> None:
    receiver.hold.clear()
    failure = await refusal(receiver.url, timeout_seconds=0.2)
    assert (failure.kind, failure.code) == ("transient", "timeout")


async def test_unreachable_server_is_an_outage() -> None:
    with serving(lambda _: Response()) as url:
        pass  # the server has stopped
    assert (await refusal(url)).kind == "outage"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "192.168.1.1",
        "0.0.0.0",
        "[::1]",
        "[fe80::1]",
        "[fc00::1]",
        "[::ffff:127.0.0.1]",
        "100.64.0.1",
        "224.0.0.1",
        "[2002:7f00:1::]",
    ],
)
def test_private_address_is_rejected_before_any_request(host: str) -> None:
    assert not is_public(host)
    with pytest.raises(InvalidTargetError, match="inner address"):
        http_sink(f"https://{host}/hook", {})


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f.1"])
async def test_host_resolving_to_a_private_address_is_rejected(host: str) -> None:
    with pytest.raises(DeliveryError) as refused:
        await http_sink(f"https://{host}/hook", {})(DELIVERY)
    assert refused.value.kind == "permanent"
    assert refused.value.code in ("forbidden_address", "no_address")


@pytest.mark.parametrize(
    ("url", "settings", "why"),
    [
        ("http://example.com/", {}, "give an https address"),
        ("ftp://example.com/", {"allow_private": True}, "give an https address"),
        ("https://user:word@example.com/", {}, "must not contain credentials"),
        ("https://example.com/", {"secret": "s3cret"}, "secrets must be references: env:VARIABLE"),
        ("https://example.com/", {"secret": "env:NOBODY_SET_THIS"}, "NOBODY_SET_THIS is not set"),
        ("https://example.com/", {"headers": {"a": "b"}}, "secrets must be references: env:VARIABLE"),
        ("https://example.com/", {"timeout_seconds": 0}, "timeout_seconds"),
        ("https://example.com/", {"retries": 3}, "unknown setting; known"),
    ],
)
def test_invalid_target_is_rejected(url: str, settings: dict[str, object], why: str) -> None:
    with pytest.raises(InvalidTargetError) as refused:
        http_sink(url, settings)
    assert why in str(refused.value)
    assert "s3cret" not in str(refused.value)


async def test_oversized_delivery_is_not_sent(receiver: Receiver) -> None:
    huge = Delivery("d", "k", "a" * (1024 * 1024 + 1), "t", "s")
    with pytest.raises(DeliveryError) as refused:
        await http_sink(receiver.url, {"allow_private": True})(huge)
    assert (refused.value.code, receiver.got) == ("too_large", [])
