"""Tests of the init container."""

from __future__ import annotations

import shlex
import stat
import time
from pathlib import Path

import boto3
import pytest

from headrace.sandbox.cluster import containers
from headrace.schemas.kafka.settings import RegistrySettings
from headrace.schemas.serde import catalog, registry
from headrace.schemas.serde.codec import RegistryUnavailableError
from headrace.schemas.serde.registry import SchemaRegistry
from tests.support.fake_schema_registry import registry_double


class Late(SchemaRegistry):
    """A registry that is not available at first."""

    def __init__(self, failures: int) -> None:
        self.failures, self.registered = failures, 0

    def register(self, published: tuple[catalog.SchemaVersion, ...]) -> list[registry.RegisteredSchema]:
        if self.failures:
            self.failures -= 1
            raise RegistryUnavailableError("no registry")
        self.registered = len(published)
        return []


def test_init_waits_for_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "POLL_SECONDS", 0)
    late = Late(failures=3)

    containers.register(late, time.monotonic() + 60)

    assert late.registered == len(catalog.versions())


def test_init_fails_without_a_registry() -> None:
    with pytest.raises(RegistryUnavailableError):
        containers.register(Late(failures=1), time.monotonic() - 1)


def test_init_registers_all_schemas() -> None:
    with registry_double() as double:
        connected = registry.create_client(RegistrySettings(schema_registry=double.url))
        assert connected is not None

        containers.register(connected, time.monotonic() + 60)

        assert len(double.schemas) == len(catalog.versions())


def test_access_key_is_created_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "credentials"
    created = containers.create_access(file)

    assert containers.create_access(file) == containers.read_access(file) == created
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    found = boto3.Session().get_credentials()
    assert found is not None
    assert (found.access_key, found.secret_key) == created[:2]


def test_prints_the_access_key_for_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    created = containers.create_access(tmp_path / "credentials")

    assert containers.main(["env"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"export {name}={shlex.quote(value)}" for name, value in containers.variables(created).items()]
