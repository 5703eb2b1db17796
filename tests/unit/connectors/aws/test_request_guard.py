"""Tests of the request guard with requests that botocore signs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest
from botocore import auth
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from headrace.connectors.aws.request_guard import (
    MAX_SIGNED_BODY,
    AccessPolicy,
    ControlToken,
    Message,
    Receive,
    RequestGuard,
    Send,
)
from headrace.connectors.aws.sigv4 import AwsCredentials

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
KEYS = AwsCredentials("TESTKEY", "not-a-secret")
OTHER = AwsCredentials("OTHERKEY", "another-secret")
TOKEN = ControlToken("x-control", "control-token")
POLICY = AccessPolicy(
    KEYS,
    hosts=frozenset({"127.0.0.1", "localhost"}),
    services=frozenset({"s3", "sqs"}),
    public=frozenset({"/health"}),
    control=frozenset({"/faults"}),
    token=TOKEN,
)
ANSWER = (("access-control-allow-origin", "*"), ("content-type", "text/plain"))


@dataclass(frozen=True)
class Call:
    """A request to the guard."""

    path: str = "/"
    query: str = ""
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    kind: str = "http"

    def scope(self) -> Message:
        return {
            "type": self.kind,
            "method": self.method,
            "path": unquote(self.path),
            "raw_path": self.path.encode(),
            "query_string": self.query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in self.headers.items()],
        }


@dataclass
class Outcome:
    """What the application received, and what the client did."""

    bodies: list[bytes] = field(default_factory=list)
    sent: list[Message] = field(default_factory=list)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def text(self) -> str:
        return b"".join(message.get("body", b"") for message in self.sent[1:]).decode()

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}


def ask(call: Call, now: datetime = NOW) -> Outcome:
    """Send a request through a guard to an application that returns 200."""
    outcome = Outcome()

    async def app(_: Message, receive: Receive, send: Send) -> None:
        outcome.bodies.append((await receive())["body"])
        pairs = [(name.encode(), value.encode()) for name, value in ANSWER]
        await send({"type": "http.response.start", "status": 200, "headers": pairs})
        await send({"type": "http.response.body", "body": b"done"})

    async def receive() -> Message:
        return {"type": "http.request", "body": call.body, "more_body": False}

    async def send(message: Message) -> None:
        outcome.sent.append(message)

    asyncio.run(RequestGuard(app, POLICY, lambda: now)(call.scope(), receive, send))
    return outcome


@pytest.fixture(autouse=True, scope="module")
def _clock() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auth, "get_current_datetime", lambda **_: NOW)
        yield


def signed(
    url: str = "http://127.0.0.1:4566/",
    body: bytes = b"{}",
    *,
    method: str = "POST",
    service: str = "sqs",
    with_keys: AwsCredentials = KEYS,
    signer: Any = None,
) -> Call:
    """A request as botocore signs it."""
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.ListQueues"}
    request = AWSRequest(method, url, {} if service == "s3" else headers, body)
    chosen = signer or (S3SigV4Auth if service == "s3" else SigV4Auth)
    chosen(Credentials(with_keys.access, with_keys.secret), service, "us-east-1").add_auth(request)
    parts = urlsplit(request.url or "")
    sent = {name.lower(): str(value) for name, value in request.headers.items()} | {"host": parts.netloc}
    return Call(parts.path, parts.query, method, sent, body)


def changed(call: Call, **headers: str) -> Call:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call(call.path, call.query, call.method, {**call.headers, **named}, call.body)


def test_signed_request_passes_with_its_body() -> None:
    outcome = ask(signed(body=b'{"QueueNamePrefix": "x"}'))
    assert (outcome.status, outcome.bodies) == (200, [b'{"QueueNamePrefix": "x"}'])


@given(st.text(max_size=20).map(lambda text: text.encode("utf-8", "replace").decode()), st.binary(max_size=50))
def test_signed_object_request_with_any_key_passes(key: str, body: bytes) -> None:
    url = f"http://localhost:4566/bucket/{quote(key, safe='/~')}?partNumber=1&uploadId=a%2Fb"
    assert ask(signed(url, body, method="PUT", service="s3")).status == 200


def test_presigned_url_passes_until_it_expires() -> None:
    call = signed("http://127.0.0.1:1/b/k?versionId=1", method="GET", service="s3", signer=S3SigV4QueryAuth)
    assert "authorization" not in call.headers
    assert ask(call).status == 200
    assert ask(call, NOW + timedelta(seconds=3601)).status == 403


TEXT_PLAIN = {"host": "127.0.0.1:4566", "content-type": "text/plain"}
REFUSED = {
    "text/plain of a web page": Call("/2015-03-31/functions", headers={**TEXT_PLAIN, "origin": "http://evil"}),
    "form of a local process": Call("/2015-03-31/functions", headers=TEXT_PLAIN, body=b"{}"),
    "no key": Call(headers={"host": "127.0.0.1", "x-amz-target": "AmazonSQS.ListQueues"}),
    "key of another sandbox": signed(with_keys=OTHER),
    "key id alone": signed(with_keys=AwsCredentials(KEYS.access, "test")),
    "well-known key": signed(with_keys=AwsCredentials("test", "test")),
    "signed, with an origin": changed(signed(), origin="null"),
    "another host (DNS rebinding)": changed(signed("http://evil.example:4566/")),
    "host changed after signing": changed(signed(), host="localhost:4566"),
    "host twice": changed(signed(), host="127.0.0.1,evil"),
    "no host": Call(headers={}),
    "another service": signed(service="lambda"),
    "administrative path": signed("http://127.0.0.1:4566/_ministack/reset"),
    "encoded administrative path": signed("http://127.0.0.1:4566/%5Fministack/config"),
    "preflight": Call("/b/k", method="OPTIONS", headers={"host": "localhost", "origin": "http://evil"}),
    "POST to the health page": Call("/health", headers={"host": "localhost"}),
    "control without a token": Call("/faults", headers={"host": "localhost"}),
    "control with a wrong token": Call("/faults", headers={"host": "localhost", TOKEN.header: "ü"}),
    "encoded control path": Call("/f%61ults", headers={"host": "localhost"}),
    "control with a token, of a web page": Call(
        "/faults",
        headers={"host": "localhost", "origin": "http://evil", TOKEN.header: TOKEN.value},
    ),
    "body changed": Call("/", headers=signed().headers, body=b'{"QueueNamePrefix": "x"}'),
    "path changed": Call("/other", headers=signed().headers, body=b"{}"),
    "query changed": Call("/", "Action=DeleteQueue", headers=signed().headers, body=b"{}"),
    "year one": changed(signed(), x_amz_date="00010101T000000Z"),
    "no date": changed(signed(), x_amz_date=""),
    "no credential": changed(signed(), authorization="AWS4-HMAC-SHA256 Credential=, SignedHeaders=host, Signature=ab"),
    "not hexadecimal": changed(
        signed(),
        authorization="AWS4-HMAC-SHA256 "
        f"Credential={KEYS.access}/20260314/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=ü",
    ),
    "host unsigned": changed(
        signed(),
        authorization="AWS4-HMAC-SHA256 "
        f"Credential={KEYS.access}/20260314/us-east-1/sqs/aws4_request, SignedHeaders=x-amz-date, Signature=ab",
    ),
    "basic": changed(signed(), authorization="Basic dGVzdDp0ZXN0"),
    "presigned with a long life": Call(
        "/b", "X-Amz-Signature=a&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=9999999", "GET", {"host": "localhost"}
    ),
    "body beyond the limit": changed(
        Call("/", headers=signed().headers, body=b"x" * (MAX_SIGNED_BODY + 1)),
    ),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_request_is_refused(call: Call) -> None:
    outcome = ask(call)
    assert (outcome.status, outcome.bodies) == (403, [])


@given(st.text(), st.text(), st.text())
def test_malformed_signature_is_refused(authorization: str, date: str, query: str) -> None:
    raw = {"authorization": authorization, "x-amz-date": date, "host": "localhost"}
    call = Call(
        "/", f"X-Amz-{query}", headers={name: value.encode("utf-8", "replace").decode() for name, value in raw.items()}
    )
    safe = Call(call.path, call.query.encode("utf-8", "replace").decode(), headers=call.headers)
    assert ask(safe).status == 403


def test_old_signature_is_refused() -> None:
    assert ask(signed(), NOW + timedelta(minutes=16)).status == 403
    assert ask(signed(), NOW - timedelta(minutes=16)).status == 403


def test_websocket_is_refused() -> None:
    assert ask(Call(kind="websocket", headers=signed().headers)).sent == [{"type": "websocket.close", "code": 1008}]


def test_health_page_and_control_path_with_token_pass() -> None:
    assert ask(Call("/health", method="GET", headers={"host": "localhost:1"})).status == 200
    assert ask(Call("/faults", headers={"host": "localhost", TOKEN.header: TOKEN.value})).status == 200


def test_responses_have_no_cors_headers() -> None:
    assert ask(signed()).headers == {"content-type": "text/plain"}


def test_errors_have_the_format_of_the_client() -> None:
    assert '"__type": "InvalidAccessKeyId"' in ask(signed(with_keys=OTHER)).text
    s3 = ask(signed("http://localhost/b", method="PUT", service="s3", with_keys=OTHER)).text
    assert s3.startswith("<Error><Code>InvalidAccessKeyId</Code>")
