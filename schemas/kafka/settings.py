"""Settings of the Kafka cluster and of the schema registry."""

from __future__ import annotations

import ssl
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from headrace.schemas.kafka import msk_iam

MSK_IAM = "AWS_MSK_IAM"
"""The login whose temporary secret comes from the AWS SDK."""

_LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
"""Hosts to which a password may be sent without TLS."""


class RegistrySettings(BaseSettings):
    """The schema registry, if there is one."""

    model_config = SettingsConfigDict(env_prefix="HEADRACE_", frozen=True, extra="ignore")

    schema_registry: str = Field(
        default="",
        description="URLs of a Confluent-compatible schema registry, comma-separated. "
        "If set, records are written in the Confluent wire format",
    )
    schema_registry_user: str = Field(default="", description="Schema registry user name")
    schema_registry_password: SecretStr = Field(default=SecretStr(""), description="Schema registry password")
    schema_registry_register: bool = Field(
        default=False,
        description="Register missing schemas when a process starts. For development;"
        " in production run `headrace schemas register`",
    )

    @property
    def schema_registries(self) -> tuple[str, ...]:
        """Return the registry's URLs in the order of use."""
        return tuple(each.strip() for each in self.schema_registry.split(",") if each.strip())

    @model_validator(mode="after")
    def _registry_fits(self) -> Self:
        """Reject an invalid URL, an incomplete login, and a password without TLS."""
        user, password = self.schema_registry_user, self.schema_registry_password.get_secret_value()
        urls = [urlsplit(url) for url in self.schema_registries]
        if not urls and (user or password or self.schema_registry_register):
            raise ValueError("HEADRACE_SCHEMA_REGISTRY_USER, _PASSWORD and _REGISTER need HEADRACE_SCHEMA_REGISTRY")
        if any(url.scheme not in ("http", "https") or not url.hostname for url in urls):
            raise ValueError("HEADRACE_SCHEMA_REGISTRY must be a URL, http:// or https://")
        if any("@" in url.netloc for url in urls):
            raise ValueError("HEADRACE_SCHEMA_REGISTRY contains a login: use HEADRACE_SCHEMA_REGISTRY_USER, _PASSWORD")
        if bool(user) != bool(password) or ":" in user:
            raise ValueError("set both HEADRACE_SCHEMA_REGISTRY_USER (without a colon) and _PASSWORD")
        if password and any(url.scheme == "http" and url.hostname not in _LOOPBACK_HOSTS for url in urls):
            raise ValueError("HEADRACE_SCHEMA_REGISTRY_PASSWORD would be sent unencrypted: use an https:// URL")
        return self


class KafkaSettings(RegistrySettings):
    """The Kafka cluster."""

    bootstrap_servers: str = Field(description="Kafka brokers as host:port, comma-separated")
    replication_factor: int = Field(default=1, ge=1, le=2**15 - 1, description="Replication factor of new topics")
    kafka_timeout_seconds: float = Field(
        default=15.0, ge=0.1, le=600, description="Seconds in which Kafka has to answer a command, including retries"
    )
    kafka_tls: bool = Field(default=False, description="Use TLS and verify broker certificates")
    kafka_ca_file: str = Field(default="", description="PEM file of trusted CA certificates; default: the system's")
    kafka_sasl: Literal["", "SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "AWS_MSK_IAM"] = Field(
        default="",
        description="SASL mechanism: SCRAM-SHA-512, SCRAM-SHA-256, PLAIN or AWS_MSK_IAM; empty for none",
    )
    kafka_user: str = Field(default="", description="SASL user name")
    kafka_password: SecretStr = Field(default=SecretStr(""), description="SASL password")

    @property
    def security_protocol(self) -> str:
        """Return Kafka's `security.protocol`."""
        return ("SASL_" if self.kafka_sasl else "") + ("SSL" if self.kafka_tls else "PLAINTEXT")

    @model_validator(mode="after")
    def _fit(self) -> Self:
        """Reject an incomplete login and insecure combinations."""
        login = (self.kafka_user, self.kafka_password.get_secret_value())
        if self.kafka_sasl == MSK_IAM:
            return self._fit_for_msk(any(login))
        if self.kafka_sasl and not all(login):
            raise ValueError("HEADRACE_KAFKA_SASL needs HEADRACE_KAFKA_USER and HEADRACE_KAFKA_PASSWORD")
        if any(login) and not self.kafka_sasl:
            raise ValueError("HEADRACE_KAFKA_USER and HEADRACE_KAFKA_PASSWORD need HEADRACE_KAFKA_SASL")
        if self.kafka_sasl == "PLAIN" and not self.kafka_tls:
            raise ValueError("HEADRACE_KAFKA_SASL=PLAIN sends the password unencrypted: set HEADRACE_KAFKA_TLS=true")
        if self.kafka_ca_file and not self.kafka_tls:
            raise ValueError("HEADRACE_KAFKA_CA_FILE needs HEADRACE_KAFKA_TLS=true")
        if self.kafka_ca_file:
            _check_ca_file(self.kafka_ca_file)
        return self

    def _fit_for_msk(self, login: bool) -> Self:
        if login or not self.kafka_tls:
            raise ValueError(
                "HEADRACE_KAFKA_SASL=AWS_MSK_IAM needs HEADRACE_KAFKA_TLS=true and no user or password:"
                " the AWS SDK provides the credentials"
            )
        if not self.msk_region:
            raise ValueError(
                "HEADRACE_KAFKA_SASL=AWS_MSK_IAM needs MSK's broker names in HEADRACE_BOOTSTRAP_SERVERS:"
                " they contain the region"
            )
        return self

    @property
    def msk_region(self) -> str:
        """Return the region of an MSK cluster; empty for another cluster."""
        return msk_iam.region_of(self.bootstrap_servers)


def _check_ca_file(file: str) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except ssl.SSLError:
        raise ValueError("HEADRACE_KAFKA_CA_FILE contains no PEM certificates") from None
    except OSError as error:
        raise ValueError(f"HEADRACE_KAFKA_CA_FILE cannot be read: {error.strerror}") from None
