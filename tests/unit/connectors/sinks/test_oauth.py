"""OAuth client credentials: token caching, renewal and secrecy."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from headrace.connectors.sinks.base import InvalidTargetError, Sink
from headrace.connectors.sinks.http import http_sink
from headrace.connectors.sinks.http_client import HttpTarget
from headrace.connectors.sinks.oauth import OAuthClient, TokenCache
from headrace.connectors.sinks.settings import TargetSettings
from headrace.schemas.delivery import Delivery, DeliveryError
from headrace.schemas.settings import load
from tests.support.http_server import Request, Response, serving

DELIVERY = Delivery(id="d-1", key="media/cat.jpg", body="{}", detail_type="MediaReady", source="headrace/ready")


CLIENT = {
    "token_url": "https://example.com/token",
    "client_id": "env:HEADRACE_SECRET_ID",
    "client_secret": "env:HEADRACE_SECRET_KEY",
}


class Provider:
    """A server that gives tokens at /token and takes them at /hook."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.good: set[str] = set()
        self.used: list[str] = []
        self.says: tuple[int, dict[str, Any]] = (200, {})
        self.url = ""

    def answer(self, request: Request) -> Response:
        """Give a token, or take one."""
        authorization = request.headers["authorization"]
        if request.path == "/token":
            self.asked.append((authorization, request.body.decode()))
            status, said = self.says
            token = f"token-{len(self.asked)}"
            self.good.add(token)
            return Response(status, json.dumps({"access_token": token, "expires_in": 3600, **said}).encode())
        token = authorization.removeprefix("Bearer ")
        self.used.append(token)
        return Response(204 if token in self.good else 401)

    def sink(self) -> Sink:
        """Open a sink that asks here for tokens."""
        oauth = {
            "token_url": f"{self.url}/token",
            "client_id": "env:HEADRACE_SECRET_ID",
            "client_secret": "env:HEADRACE_SECRET_KEY",
            "scope": "a b",
        }
        return http_sink(f"{self.url}/hook", {"oauth": oauth})


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    monkeypatch.setenv("HEADRACE_SECRET_ID", "me")
    monkeypatch.setenv("HEADRACE_SECRET_KEY", "s3:cret")
    monkeypatch.setenv("HEADRACE_PRIVATE_TARGETS", "127.0.0.1")
    made = Provider()
    with serving(made.answer) as made.url:
        yield made


async def test_token_is_fetched_once_and_sent_with_each_request(provider: Provider) -> None:
    sink = provider.sink()
    await sink(DELIVERY)
    await sink(DELIVERY)
    [(authorization, form)] = provider.asked
    assert base64.b64decode(authorization.removeprefix("Basic ")).decode() == "me:s3%3Acret"
    assert form == "grant_type=client_credentials&scope=a+b"
    assert provider.used == ["token-1", "token-1"]


async def test_revoked_token_is_renewed_once(provider: Provider) -> None:
    sink = provider.sink()
    await sink(DELIVERY)
    provider.good.clear()
    await sink(DELIVERY)
    assert provider.used == ["token-1", "token-1", "token-2"]


async def test_token_is_renewed_before_it_expires(provider: Provider) -> None:
    now = 0.0
    tokens = TokenCache(
        OAuthClient(HttpTarget(f"{provider.url}/token", load(TargetSettings).allowed), "me", "key"), lambda: now
    )
    assert await tokens.token() == "token-1"
    now = 3600 - 31
    assert await tokens.token() == "token-1"
    now = 3600 - 30
    assert await tokens.token() == "token-2"


@pytest.mark.parametrize(("status", "kind"), [(401, "outage"), (400, "outage"), (500, "transient"), (429, "transient")])
async def test_token_errors_are_classified_and_contain_no_secret(provider: Provider, status: int, kind: str) -> None:
    provider.says = (status, {"error": "invalid_client", "access_token": "CANARY"})
    with pytest.raises(DeliveryError) as refused:
        await provider.sink()(DELIVERY)
    assert refused.value.kind == kind
    assert "invalid_client" in str(refused.value)
    assert not {"CANARY", "s3:cret"} & set(str(refused.value).split())


@pytest.mark.parametrize("seconds", ["Infinity", 1e300, -5, "3600", None, True, [], "9" * 5000])
async def test_lifetime_out_of_bounds_is_replaced(provider: Provider, seconds: object) -> None:
    provider.says = (200, {"expires_in": seconds})
    now = 0.0
    address = HttpTarget(f"{provider.url}/token", load(TargetSettings).allowed)
    tokens = TokenCache(OAuthClient(address, "me", "key"), lambda: now)
    assert await tokens.token() == "token-1"
    now = 86_401
    assert await tokens.token() == "token-2"


@pytest.mark.parametrize("token", ["", "a\r\nx-admin: 1", "a b", 5, None, "x" * 20_000, ["a"]])
async def test_token_that_is_no_token_is_rejected(provider: Provider, token: object) -> None:
    provider.says = (200, {"access_token": token})
    with pytest.raises(DeliveryError) as refused:
        await provider.sink()(DELIVERY)
    assert (refused.value.kind, refused.value.code) == ("transient", "oauth_answer")


@pytest.mark.parametrize(
    "oauth",
    [
        {"token_url": "https://example.com/token"},
        {**CLIENT, "token_url": "http://example.com/token"},
        {**CLIENT, "token_url": "https://10.0.0.1/token"},
        {**CLIENT, "client_id": "me"},
        {**CLIENT, "client_secret": "env:HEADRACE_SECRET_UNSET"},
        {**CLIENT, "client_secret": "env:AWS_SECRET_ACCESS_KEY"},
        {**CLIENT, "scope": 7},
    ],
)
def test_invalid_client_settings_are_rejected(oauth: dict[str, object], provider: Provider) -> None:
    with pytest.raises(InvalidTargetError):
        http_sink("https://example.com/hook", {"oauth": oauth})
