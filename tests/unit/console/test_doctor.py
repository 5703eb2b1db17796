"""The doctor says of each part whether it is well, and what to do where it is not."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from headrace.console import doctor
from headrace.console.doctor import CheckResult, DoctorCheck, Skipped, run_checks
from headrace.console.errors import CommandError
from headrace.console.routing.stages import load_stages
from headrace.schemas.kafka.settings import RegistrySettings
from headrace.schemas.records import EVENTS
from headrace.schemas.serde import catalog, registry
from headrace.schemas.serde.codec import SchemaNotRegisteredError
from tests.support.fake_schema_registry import registry_double


def broken() -> str:
    raise CommandError("not there")


def optional() -> str:
    raise Skipped("not set")


def bug() -> str:
    raise ZeroDivisionError("by zero")


def found(*looks: tuple[str, Callable[[], str], str]) -> list[CheckResult]:
    checks = tuple(DoctorCheck(part, look, f"mend {part}", needs) for part, look, needs in looks)
    return list(run_checks(checks))


def test_what_is_well_says_so() -> None:
    assert found(("broker", lambda: "here", "")) == [CheckResult("broker", True, "here")]


def test_what_is_wrong_says_what_to_do() -> None:
    assert found(("broker", broken, "")) == [CheckResult("broker", False, "not there", "mend broker")]


def test_a_check_that_breaks_is_a_finding_too() -> None:
    [finding] = found(("broker", bug, ""))
    assert (finding.ok, finding.message) == (False, "ZeroDivisionError: by zero")


def test_what_is_optional_is_neither_well_nor_wrong() -> None:
    assert found(("clamd", optional, "")) == [CheckResult("clamd", None, "not set")]


def test_what_needs_something_that_is_wrong_is_not_looked_at() -> None:
    _, topics = found(("broker", broken, ""), ("topics", bug, "broker"))
    assert topics == CheckResult("topics", None, "not checked: needs broker")


def test_without_settings_the_doctor_names_every_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("HEADRACE_")]:
        monkeypatch.delenv(name)
    findings = {finding.part: finding for finding in run_checks(doctor.checks(load_stages))}
    assert findings["settings"].ok is False
    assert "HEADRACE_BOOTSTRAP_SERVERS" in findings["settings"].message
    assert "HEADRACE_RESULTS_BUCKET" in findings["settings"].message
    assert findings["broker"].ok is None
    assert findings["ffmpeg"].ok is True


def test_a_registry_that_lacks_our_schemas_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_BOOTSTRAP_SERVERS", "localhost:1")
    with registry_double() as double:
        monkeypatch.setenv("HEADRACE_SCHEMA_REGISTRY", double.url)
        monkeypatch.setenv("HEADRACE_SCHEMA_REGISTRY_REGISTER", "true")  # looking changes nothing all the same
        with pytest.raises(SchemaNotRegisteredError, match="AwsEvent v1"):
            doctor._registry()
        connected = registry.create_client(RegistrySettings(schema_registry=double.url))
        assert connected is not None
        connected.register(catalog.versions())
        assert doctor._registry() == f"{double.url} has {len(EVENTS)} schemas to write with"


def test_no_registry_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_BOOTSTRAP_SERVERS", "localhost:1")
    with pytest.raises(doctor.Skipped, match="HEADRACE_SCHEMA_REGISTRY is not set"):
        doctor._registry()
