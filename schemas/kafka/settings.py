"""Settings of the Kafka cluster and of the schema registry."""

from __future__ import annotations

import ssl
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from headrace.schemas.kafka import msk_iam

MSK_IAM = "AWS_MSK_IAM"
"""The one login whose secret comes from the AWS SDK, and changes."""


_LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
"""Hosts that nobody else can listen on the way to."""


class RegistrySettings(BaseSettings):
    """The schema registry beside the log, where there is one."""

    model_config = SettingsConfigDict(env_prefix="HEADRACE_", frozen=True, extra="ignore")

    schema_registry: str = Field(
        default="",
        description="URL of a Confluent-compatible schema registry, or several, separated by commas; "
        "with one, records are written in Confluent's wire format",
    )
    schema_registry_user: str = Field(default="", description="Whom to log in as at the registry")
    schema_registry_password: SecretStr = Field(default=SecretStr(""), description="The password of that user")
    schema_registry_register: bool = Field(
        default=False,
        description="Register schemas that the registry lacks when a process starts: for development;"
        " else `headrace schemas register` does",
    )

    @property
    def schema_registries(self) -> tuple[str, ...]:
        """The registry's URLs, to be tried in turn; none where there is no registry."""
        return tuple(each.strip() for each in self.schema_registry.split(",") if each.strip())

    @model_validator(mode="after")
    def _registry_fits(self) -> Self:
        """Refuse what is no registry, half of a login, and a password that everybody on the way can read."""
        user, password = self.schema_registry_user, self.schema_registry_password.get_secret_value()
        found = [urlsplit(url) for url in self.schema_registries]
        if not found and (user or password or self.schema_registry_register):
            raise ValueError("HEADRACE_SCHEMA_REGISTRY_USER, _PASSWORD and _REGISTER need HEADRACE_SCHEMA_REGISTRY")
        if any(url.scheme not in ("http", "https") or not url.hostname for url in found):
            raise ValueError("HEADRACE_SCHEMA_REGISTRY must be a URL, http:// or https://")
        if any("@" in url.netloc for url in found):
            raise ValueError("HEADRACE_SCHEMA_REGISTRY holds a login: set HEADRACE_SCHEMA_REGISTRY_USER and _PASSWORD")
        if bool(user) != bool(password) or ":" in user:
            raise ValueError("HEADRACE_SCHEMA_REGISTRY_USER (without a colon) and _PASSWORD go together")
        if password and any(url.scheme == "http" and url.hostname not in _LOOPBACK_HOSTS for url in found):
            raise ValueError("HEADRACE_SCHEMA_REGISTRY_PASSWORD would be sent as it is: use https:// for the registry")
        return self


class KafkaSettings(RegistrySettings):
    """The cluster that holds the log."""

    bootstrap_servers: str = Field(description="Kafka brokers, host:port, separated by commas")
    replication_factor: int = Field(default=1, ge=1, description="Copies of each partition of a topic that is created")
    kafka_tls: bool = Field(default=False, description="Talk TLS with the brokers, and check their certificates")
    kafka_ca_file: str = Field(default="", description="PEM file of the brokers' authorities; else the system's count")
    kafka_sasl: Literal["", "SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "AWS_MSK_IAM"] = Field(
        default="",
        description="How to log in: SCRAM-SHA-512, SCRAM-SHA-256, PLAIN or AWS_MSK_IAM; empty where nobody asks",
    )
    kafka_user: str = Field(default="", description="Whom to log in as")
    kafka_password: SecretStr = Field(default=SecretStr(""), description="The password of that user")

    @property
    def security_protocol(self) -> str:
        """How a connection is secured, as Kafka's clients call it."""
        return ("SASL_" if self.kafka_sasl else "") + ("SSL" if self.kafka_tls else "PLAINTEXT")

    @model_validator(mode="after")
    def _fit(self) -> Self:
        """Refuse half of a login, and what would look secure and is not."""
        login = (self.kafka_user, self.kafka_password.get_secret_value())
        if self.kafka_sasl == MSK_IAM:
            return self._fit_for_msk(any(login))
        if self.kafka_sasl and not all(login):
            raise ValueError("HEADRACE_KAFKA_SASL needs HEADRACE_KAFKA_USER and HEADRACE_KAFKA_PASSWORD")
        if any(login) and not self.kafka_sasl:
            raise ValueError("HEADRACE_KAFKA_USER and HEADRACE_KAFKA_PASSWORD need HEADRACE_KAFKA_SASL")
        if self.kafka_sasl == "PLAIN" and not self.kafka_tls:
            raise ValueError("HEADRACE_KAFKA_SASL=PLAIN sends the password as it is: set HEADRACE_KAFKA_TLS=true")
        if self.kafka_ca_file and not self.kafka_tls:
            raise ValueError("HEADRACE_KAFKA_CA_FILE needs HEADRACE_KAFKA_TLS=true")
        if self.kafka_ca_file:
            _check_ca_file(self.kafka_ca_file)
        return self

    def _fit_for_msk(self, login: bool) -> Self:
        if login or not self.kafka_tls:
            raise ValueError(
                "HEADRACE_KAFKA_SASL=AWS_MSK_IAM goes with HEADRACE_KAFKA_TLS=true and without user and password:"
                " who connects is what the AWS SDK's credentials say"
            )
        if not self.msk_region:
            raise ValueError(
                "HEADRACE_KAFKA_SASL=AWS_MSK_IAM needs MSK's own names in HEADRACE_BOOTSTRAP_SERVERS:"
                " they say the region"
            )
        return self

    @property
    def msk_region(self) -> str:
        """The region of an MSK cluster; empty for any other."""
        return msk_iam.region_of(self.bootstrap_servers)


def _check_ca_file(file: str) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except ssl.SSLError:
        raise ValueError("HEADRACE_KAFKA_CA_FILE holds no certificates in PEM") from None
    except OSError as error:
        raise ValueError(f"HEADRACE_KAFKA_CA_FILE cannot be read: {error.strerror}") from None
