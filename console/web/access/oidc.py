"""Log in with OpenID Connect: authorization code flow with PKCE, state and nonce.

Source: OpenID Connect Core 1.0, 3.1; OpenID Connect Discovery 1.0, 4; RFC 7636.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.common.security import generate_token
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from headrace.console.errors import UnavailableError
from headrace.console.web.failures import ForbiddenError

SCOPE = "openid email profile"
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
"""Signatures with public keys only: with HS256, the client secret could sign."""
TIMEOUT_SECONDS = 10.0
LEEWAY_SECONDS = 60
METADATA_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class OidcClient:
    """The console at a provider."""

    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str
    user_claim: str = "email"
    groups_claim: str = "groups"


@dataclass(frozen=True, slots=True)
class SigninState:
    """What the browser keeps between the redirect to the provider and the way back."""

    state: str
    nonce: str
    verifier: str
    next: str


@dataclass(frozen=True, slots=True)
class ProviderIdentity:
    """The user that the provider named."""

    name: str
    groups: tuple[str, ...]


class OidcProvider:
    """Talks to the provider. Its metadata are read at the first login."""

    def __init__(self, client: OidcClient) -> None:
        self._client = client
        self._metadata: Mapping[str, Any] = {}
        self._expires = 0.0

    async def begin(self, next_: str) -> tuple[str, SigninState]:
        """Return the address of the provider's login page, and the state to keep.

        Raises:
            UnavailableError: the provider does not answer.
        """
        signin = SigninState(generate_token(32), generate_token(32), generate_token(64), next_)
        metadata = await self._read_metadata()
        async with self._session() as session:
            url, _ = session.create_authorization_url(
                metadata["authorization_endpoint"],
                state=signin.state,
                nonce=signin.nonce,
                code_verifier=signin.verifier,
            )
        return str(url), signin

    async def finish(self, code: str, signin: SigninState) -> ProviderIdentity:
        """Exchange the code for an ID token, and verify the token.

        Raises:
            ForbiddenError: the provider rejects the code, or the token is invalid.
            UnavailableError: the provider does not answer.
        """
        metadata = await self._read_metadata()
        try:
            async with self._session() as session:
                token = await session.fetch_token(metadata["token_endpoint"], code=code, code_verifier=signin.verifier)
                keys = (await session.request("GET", metadata["jwks_uri"], withhold_token=True)).json()
        except (httpx.HTTPError, ValueError) as error:
            raise self._down(error) from error
        except AuthlibBaseError as error:
            raise ForbiddenError(f"the login was rejected: {error.error}") from error
        return self._identity(token, keys, signin.nonce)

    def _identity(self, token: Mapping[str, Any], keys: Any, nonce: str) -> ProviderIdentity:
        try:
            decoded = jwt.decode(str(token.get("id_token", "")), KeySet.import_key_set(keys), algorithms=ALGORITHMS)
            own = self._client
            expected = {"iss": {"value": own.issuer}, "aud": {"value": own.client_id}, "nonce": {"value": nonce}}
            params = {"nonce": nonce, "client_id": own.client_id}
            claims = CodeIDToken(decoded.claims, decoded.header, expected, params)
            claims.validate(leeway=LEEWAY_SECONDS)
        except (JoseError, AuthlibBaseError, ValueError, KeyError) as error:
            raise ForbiddenError(f"the ID token of the provider is invalid: {type(error).__name__}") from error
        name = claims.get(own.user_claim)
        if not isinstance(name, str) or not name:
            raise ForbiddenError(f"the ID token has no claim {own.user_claim}: set HEADRACE_CONSOLE_OIDC_USER_CLAIM")
        if own.user_claim == "email" and claims.get("email_verified") is False:
            raise ForbiddenError("the provider has not verified the e-mail address")
        groups = claims.get(own.groups_claim)
        return ProviderIdentity(name, tuple(map(str, groups)) if isinstance(groups, list) else ())

    async def _read_metadata(self) -> Mapping[str, Any]:
        """Read the endpoints of the provider, at most once an hour."""
        if time.monotonic() < self._expires:
            return self._metadata
        url = f"{self._client.issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            async with self._session() as session:
                response = await session.request("GET", url, withhold_token=True)
                response.raise_for_status()
            metadata = response.json()
            endpoints = [metadata[name] for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise self._down(error) from error
        if metadata.get("issuer") != self._client.issuer or not all(map(is_protected, endpoints)):
            raise UnavailableError(f"{url} names another issuer, or an address without TLS")
        self._metadata, self._expires = metadata, time.monotonic() + METADATA_SECONDS
        return self._metadata

    def _session(self) -> AsyncOAuth2Client:
        own = self._client
        return AsyncOAuth2Client(
            own.client_id,
            own.client_secret,
            scope=SCOPE,
            redirect_uri=own.redirect_uri,
            code_challenge_method="S256",
            timeout=TIMEOUT_SECONDS,
        )

    def _down(self, error: Exception) -> UnavailableError:
        return UnavailableError(f"the OpenID Connect provider {self._client.issuer}: {type(error).__name__}")


def is_protected(url: object) -> bool:
    """Whether an address has TLS, or is on this machine."""
    parts = urlsplit(str(url))
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1"))
