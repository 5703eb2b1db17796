"""Log in with OpenID Connect at a provider on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from headrace.schemas.runtime.http_server import listen, serve_in_thread
from tests.unit.console.web.access.site import site

SECRET = "client-secret"
KEY = ECKey.generate_key("P-256", {"kid": "k1"})


class Provider:
    """An OpenID Connect provider. `claims` replace those of its tokens, `sign` signs them."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.claims: dict[str, Any] = {}
        self.key: Any = KEY
        self.algorithm = "ES256"
        self.nonce = ""
        self.exchanges: list[dict[str, list[str]]] = []

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.metadata),
                Route("/token", self.token, methods=["POST"]),
                Route("/keys", self.keys),
            ]
        )

    async def metadata(self, _: Request) -> Response:
        addresses = {"authorization_endpoint": "auth", "token_endpoint": "token", "jwks_uri": "keys"}
        return JSONResponse({"issuer": self.issuer} | {name: f"{self.issuer}/{at}" for name, at in addresses.items()})

    async def keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [KEY.as_dict(private=False)]})

    async def token(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        self.exchanges.append(form)
        if form["code"] != ["good"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": "console", "sub": "1", "iat": now, "exp": now + 60, "nonce": self.nonce}
        claims |= {"email": "ann@example.com", "groups": ["media-operators"], **self.claims}
        signed = jwt.encode({"alg": self.algorithm, "kid": "k1"}, claims, self.key)
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": signed})


@contextmanager
def running() -> Iterator[Provider]:
    listener = listen("127.0.0.1", 0)
    provider = Provider(f"http://127.0.0.1:{listener.getsockname()[1]}")
    close = serve_in_thread(provider.app(), listener, 10)
    try:
        yield provider
    finally:
        close()


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running() as provider:
        yield provider


@pytest.fixture
def client(provider: Provider) -> TestClient:
    return site(
        oidc_issuer=provider.issuer,
        oidc_client_id="console",
        oidc_client_secret=SECRET,
        operators="media-operators",
        viewers="bob@example.com",
    )


def begin(client: TestClient, provider: Provider) -> dict[str, list[str]]:
    """Start a login, and return the query of the provider's login page."""
    response = client.get("/login/oidc", params={"next": "/?a=1"})
    assert response.status_code == 303
    assert response.headers["location"].startswith(f"{provider.issuer}/auth?")
    query = parse_qs(urlsplit(response.headers["location"]).query)
    provider.nonce = query["nonce"][0]
    return query


def test_login_with_role_of_a_group(client: TestClient, provider: Provider) -> None:
    query = begin(client, provider)
    assert query["code_challenge_method"] == ["S256"]
    assert query["redirect_uri"] == ["http://127.0.0.1:8088/login/callback"]
    page = client.get("/login/callback", params={"code": "good", "state": query["state"][0]})
    assert page.status_code == 200
    assert 'url=/?a=1"' in page.text
    text = client.get("/").text
    assert "ann@example.com" in text
    assert "operator" in text
    assert len(provider.exchanges[0]["code_verifier"][0]) >= 43


def test_user_without_a_role_is_refused(client: TestClient, provider: Provider) -> None:
    provider.claims = {"groups": ["others"]}
    state = begin(client, provider)["state"][0]
    client.get("/login/callback", params={"code": "good", "state": state})
    page = client.get("/")
    assert page.status_code == 403
    assert "has no role" in page.text


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "http://other.example"},
        {"aud": "another client"},
        {"nonce": "another"},
        {"exp": 1},
        {"email": None},
        {"email_verified": False},
    ],
    ids=lambda claims: next(iter(claims)),
)
def test_token_with_other_claims_is_refused(client: TestClient, provider: Provider, claims: dict[str, Any]) -> None:
    provider.claims = claims
    state = begin(client, provider)["state"][0]
    assert client.get("/login/callback", params={"code": "good", "state": state}).status_code == 403
    assert client.get("/").status_code == 303


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(ECKey.generate_key("P-256"), "ES256"), (OctKey.import_key(SECRET * 3), "HS256")],
    ids=["another key", "a shared secret"],
)
def test_token_of_another_signer_is_refused(client: TestClient, provider: Provider, key: Any, algorithm: str) -> None:
    provider.key, provider.algorithm = key, algorithm
    state = begin(client, provider)["state"][0]
    assert client.get("/login/callback", params={"code": "good", "state": state}).status_code == 403


def test_callback_needs_the_state_of_this_browser(client: TestClient, provider: Provider) -> None:
    assert client.get("/login/callback", params={"code": "good", "state": "x"}).status_code == 403
    state = begin(client, provider)["state"][0]
    assert client.get("/login/callback", params={"code": "good", "state": state + "x"}).status_code == 403
    assert client.get("/login/callback", params={"code": "bad", "state": state}).status_code == 403
    assert client.get("/login/callback", params={"error": "access_denied", "state": state}).status_code == 403
    assert len(provider.exchanges) == 1


def test_provider_that_does_not_answer(client: TestClient, provider: Provider) -> None:
    with running() as gone:
        other = site(
            oidc_issuer=gone.issuer, oidc_client_id="console", oidc_client_secret=SECRET, operators="media-operators"
        )
    page = other.get("/login/oidc")
    assert page.status_code == 503
    assert "OpenID Connect provider" in page.text
