"""Settings of the web console, from the environment."""

from __future__ import annotations

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, FilePath, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Names = Annotated[tuple[str, ...], NoDecode]
"""Texts separated by commas."""


class WebConsoleSettings(BaseSettings):
    """The address of the web console, and who may use it."""

    model_config = SettingsConfigDict(env_prefix="HEADRACE_CONSOLE_", frozen=True, extra="ignore")

    host: str = Field(default="127.0.0.1", description="Address that the web console listens on")
    port: int = Field(default=8088, ge=0, le=65535, description="TCP port that the web console listens on")
    url: str = Field(
        default="",
        description="Public URL of the web console, https://...; default: the address that it listens on",
    )
    tls_file: FilePath | None = Field(
        default=None, description="PEM file with certificate chain and key; default: a proxy terminates TLS"
    )
    read_only: bool = Field(default=False, description="Reject every change in the web console")
    users_file: FilePath | None = Field(
        default=None, description="File with passwords and API tokens: `headrace console password` and `token` write it"
    )
    proxy_header: str = Field(default="", description="Request header in which a trusted proxy names the user")
    proxy_addresses: Names = Field(default=(), description="Addresses or networks of the trusted proxy")
    oidc_issuer: str = Field(default="", description="URL of an OpenID Connect provider")
    oidc_client_id: str = Field(default="", description="Client id of the web console at the provider")
    oidc_client_secret: SecretStr = Field(default=SecretStr(""), description="Client secret at the provider")
    oidc_user_claim: str = Field(default="email", description="Claim of the ID token that names the user")
    oidc_groups_claim: str = Field(default="groups", description="Claim of the ID token that lists groups of the user")
    viewers: Names = Field(default=(), description="Users and groups of the proxy or provider that may read; * for all")
    operators: Names = Field(default=(), description="Users and groups that may also redrive, replay and change rules")
    admins: Names = Field(default=(), description="Users and groups that may do everything")
    session_hours: float = Field(default=12.0, gt=0, le=720, description="Hours after which a session ends")
    secret: SecretStr = Field(
        default=SecretStr(""),
        description="Secret that signs sessions, at least 32 characters; default: a random one at each start",
    )
    media_origins: Names = Field(default=(), description="Origins of presigned media URLs, if they are not the console")
    connections: int = Field(
        default=1000,
        ge=1,
        le=1_000_000,
        description="Maximum open connections; at the limit, one without a request is closed",
    )

    @field_validator("proxy_addresses", "viewers", "operators", "admins", "media_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(each.strip() for each in value.split(",") if each.strip()) if isinstance(value, str) else value

    @field_validator("proxy_addresses")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            ipaddress.ip_network(each, strict=False)
        return value

    @field_validator("url")
    @classmethod
    def _origin(cls, value: str) -> str:
        url = urlsplit(value)
        if value and (url.scheme not in ("http", "https") or not url.hostname or url.username or url.path.strip("/")):
            raise ValueError("must be http:// or https:// with a host, without a login and a path")
        return value.rstrip("/")

    @field_validator("secret")
    @classmethod
    def _long(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < 32:
            raise ValueError("must have at least 32 characters")
        return value

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches the address."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def is_encrypted(self) -> bool:
        """Whether browsers use TLS, to the console or to a proxy in front of it."""
        return self.tls_file is not None or self.url.startswith("https://")
