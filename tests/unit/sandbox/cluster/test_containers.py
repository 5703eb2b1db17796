"""Tests of the init container."""

from __future__ import annotations

import time

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
