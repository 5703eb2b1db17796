"""Tests of settings from the environment and of their error messages."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from headrace.schemas.kafka.settings import KafkaSettings, RegistrySettings
from headrace.schemas.settings import SettingsError, load

SECURITY = ("KAFKA_TLS", "KAFKA_CA_FILE", "KAFKA_SASL", "KAFKA_USER", "KAFKA_PASSWORD")
REGISTRY = ("SCHEMA_REGISTRY", "SCHEMA_REGISTRY_USER", "SCHEMA_REGISTRY_PASSWORD", "SCHEMA_REGISTRY_REGISTER")


class Made(BaseSettings):
    """Example settings."""

    model_config = SettingsConfigDict(env_prefix="HEADRACE_")

    bucket: str = Field(description="Where results lie")
    limit: int = Field(default=1, ge=1, description="How many at a time")
    token: str = Field(default="", max_length=3)
    names: tuple[str, ...] = ()


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BOOTSTRAP_SERVERS", "REPLICATION_FACTOR", "BUCKET", "LIMIT", "TOKEN", "NAMES", *SECURITY, *REGISTRY):
        monkeypatch.delenv(f"HEADRACE_{name}", raising=False)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_BOOTSTRAP_SERVERS", "kafka:9092")

    assert load(KafkaSettings) == KafkaSettings(bootstrap_servers="kafka:9092", replication_factor=1)


def test_error_names_and_describes_a_missing_variable() -> None:
    with pytest.raises(SettingsError) as caught:
        load(KafkaSettings)

    assert str(caught.value) == ("HEADRACE_BOOTSTRAP_SERVERS is not set: Kafka brokers as host:port, comma-separated")


def test_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_BUCKET", "")
    monkeypatch.setenv("HEADRACE_LIMIT", "")

    with pytest.raises(SettingsError, match=r"^HEADRACE_BUCKET is not set: Where results lie$"):
        load(Made)


def test_all_invalid_variables_are_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_LIMIT", "0")

    with pytest.raises(SettingsError) as caught:
        load(Made)

    assert str(caught.value) == (
        "HEADRACE_BUCKET is not set: Where results lie; "
        "HEADRACE_LIMIT: Input should be greater than or equal to 1: How many at a time"
    )


def test_error_does_not_contain_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_BUCKET", "b")
    monkeypatch.setenv("HEADRACE_TOKEN", "hunter2")

    with pytest.raises(SettingsError, match=r"^HEADRACE_TOKEN: ") as caught:
        load(Made)

    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_error_uses_the_alias_of_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    class Foreign(BaseSettings):
        region: str = Field(validation_alias="AWS_REGION")

    monkeypatch.delenv("AWS_REGION", raising=False)

    with pytest.raises(SettingsError, match=r"^AWS_REGION is not set$"):
        load(Foreign)


def test_error_names_a_list_that_is_not_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_BUCKET", "b")
    monkeypatch.setenv("HEADRACE_NAMES", "a,b")

    with pytest.raises(SettingsError, match='"names"'):
        load(Made)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"KAFKA_SASL": "SCRAM-SHA-512", "KAFKA_USER": "u"},
            "HEADRACE_KAFKA_SASL needs HEADRACE_KAFKA_USER and HEADRACE_KAFKA_PASSWORD",
        ),
        ({"KAFKA_PASSWORD": "hunter2"}, "HEADRACE_KAFKA_USER and HEADRACE_KAFKA_PASSWORD need HEADRACE_KAFKA_SASL"),
        (
            {"KAFKA_SASL": "PLAIN", "KAFKA_USER": "u", "KAFKA_PASSWORD": "hunter2"},
            "HEADRACE_KAFKA_SASL=PLAIN sends the password unencrypted: set HEADRACE_KAFKA_TLS=true",
        ),
        (
            {"KAFKA_SASL": "AWS_MSK_IAM"},
            "HEADRACE_KAFKA_SASL=AWS_MSK_IAM needs HEADRACE_KAFKA_TLS=true and no user or password: "
            "the AWS SDK provides the credentials",
        ),
        (
            {"KAFKA_SASL": "AWS_MSK_IAM", "KAFKA_TLS": "true"},
            "HEADRACE_KAFKA_SASL=AWS_MSK_IAM needs MSK's broker names in HEADRACE_BOOTSTRAP_SERVERS:"
            " they contain the region",
        ),
        ({"KAFKA_CA_FILE": "pyproject.toml"}, "HEADRACE_KAFKA_CA_FILE needs HEADRACE_KAFKA_TLS=true"),
        (
            {"KAFKA_TLS": "true", "KAFKA_CA_FILE": "no-such-file"},
            "HEADRACE_KAFKA_CA_FILE cannot be read: No such file or directory",
        ),
        (
            {"KAFKA_TLS": "true", "KAFKA_CA_FILE": "pyproject.toml"},
            "HEADRACE_KAFKA_CA_FILE contains no PEM certificates",
        ),
    ],
)
def test_rejects_incomplete_and_insecure_kafka_logins(
    given: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_BOOTSTRAP_SERVERS", "kafka:9092")
    for name, value in given.items():
        monkeypatch.setenv(f"HEADRACE_{name}", value)

    with pytest.raises(SettingsError) as caught:
        load(KafkaSettings)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("tls", "sasl", "protocol"),
    [
        (False, "", "PLAINTEXT"),
        (True, "", "SSL"),
        (False, "SCRAM-SHA-256", "SASL_PLAINTEXT"),
        (True, "PLAIN", "SASL_SSL"),
    ],
)
def test_security_protocol_depends_on_tls_and_login(tls: bool, sasl: Any, protocol: str) -> None:
    login: Any = {"kafka_user": "u", "kafka_password": "hunter2"} if sasl else {}
    settings = KafkaSettings(bootstrap_servers="kafka:9092", kafka_tls=tls, kafka_sasl=sasl, **login)

    assert settings.security_protocol == protocol
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"": "registry:8081"}, "HEADRACE_SCHEMA_REGISTRY must be a URL, http:// or https://"),
        ({"": "https://one, two"}, "HEADRACE_SCHEMA_REGISTRY must be a URL, http:// or https://"),
        ({"": "mock://"}, "HEADRACE_SCHEMA_REGISTRY must be a URL, http:// or https://"),
        (
            {"": "https://u:hunter2@one"},
            "HEADRACE_SCHEMA_REGISTRY contains a login: use HEADRACE_SCHEMA_REGISTRY_USER, _PASSWORD",
        ),
        ({"_USER": "u"}, "HEADRACE_SCHEMA_REGISTRY_USER, _PASSWORD and _REGISTER need HEADRACE_SCHEMA_REGISTRY"),
        ({"_REGISTER": "1"}, "HEADRACE_SCHEMA_REGISTRY_USER, _PASSWORD and _REGISTER need HEADRACE_SCHEMA_REGISTRY"),
        (
            {"": "https://one", "_PASSWORD": "hunter2"},
            "set both HEADRACE_SCHEMA_REGISTRY_USER (without a colon) and _PASSWORD",
        ),
        (
            {"": "https://one", "_USER": "a:b", "_PASSWORD": "hunter2"},
            "set both HEADRACE_SCHEMA_REGISTRY_USER (without a colon) and _PASSWORD",
        ),
        (
            {"": "http://one", "_USER": "u", "_PASSWORD": "hunter2"},
            "HEADRACE_SCHEMA_REGISTRY_PASSWORD would be sent unencrypted: use an https:// URL",
        ),
    ],
)
def test_rejects_invalid_registry_settings(
    given: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"HEADRACE_SCHEMA_REGISTRY{name}", value)

    with pytest.raises(SettingsError) as caught:
        load(RegistrySettings)

    assert str(caught.value) == message


def test_several_registries_are_tried_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_SCHEMA_REGISTRY", "https://one:8081, https://two/apis/ccompat/v7,")
    monkeypatch.setenv("HEADRACE_SCHEMA_REGISTRY_USER", "u")
    monkeypatch.setenv("HEADRACE_SCHEMA_REGISTRY_PASSWORD", "hunter2")

    found = load(RegistrySettings)

    assert found.schema_registries == ("https://one:8081", "https://two/apis/ccompat/v7")
    assert "hunter2" not in repr(found)
