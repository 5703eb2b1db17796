"""`headrace doctor` reports failed checks with a fix."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import pytest

from headrace.connectors.aws.client import AwsSession
from headrace.console import doctor
from headrace.console.check_runner import CheckResult, DoctorCheck, Skipped, run_checks
from headrace.console.errors import CommandError
from headrace.console.kafka.log_reader import LogReader
from headrace.console.routing.stages import load_stages
from headrace.schemas import topics
from headrace.schemas.kafka.settings import KafkaSettings, RegistrySettings
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


def test_passed_check_is_printed() -> None:
    assert found(("broker", lambda: "here", "")) == [CheckResult("broker", True, "here")]


def test_failed_check_names_the_fix() -> None:
    assert found(("broker", broken, "")) == [CheckResult("broker", False, "not there", "mend broker")]


def test_exception_in_a_check_is_a_failure() -> None:
    [finding] = found(("broker", bug, ""))
    assert (finding.ok, finding.message) == (False, "ZeroDivisionError: by zero")


def test_optional_check_is_neither_passed_nor_failed() -> None:
    assert found(("clamd", optional, "")) == [CheckResult("clamd", None, "not set")]


def test_checks_with_failed_requirements_are_skipped() -> None:
    _, topics = found(("broker", broken, ""), ("topics", bug, "broker"))
    assert topics == CheckResult("topics", None, "not checked: needs broker")


def test_doctor_names_every_missing_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("HEADRACE_")]:
        monkeypatch.delenv(name)
    findings = {finding.part: finding for finding in run_checks(doctor.checks(load_stages, AwsSession()))}
    assert findings["settings"].ok is False
    assert "HEADRACE_BOOTSTRAP_SERVERS" in findings["settings"].message
    assert "HEADRACE_RESULTS_BUCKET" in findings["settings"].message
    assert findings["broker"].ok is None
    assert findings["ffmpeg"].ok is True


def test_registry_without_schemas_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_missing_registry_is_not_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_BOOTSTRAP_SERVERS", "localhost:1")
    with pytest.raises(Skipped, match="HEADRACE_SCHEMA_REGISTRY is not set"):
        doctor._registry()


class Cluster(LogReader):
    """A cluster with a number of partitions for each topic."""

    counts: ClassVar[dict[str, int]] = {}

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings

    def topics(self) -> dict[str, int]:
        return self.counts


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    monkeypatch.setenv("HEADRACE_BOOTSTRAP_SERVERS", "127.0.0.1:9")
    monkeypatch.setattr(doctor, "LogReader", Cluster)
    counts = {each.name: each.partitions for each in topics.table(stage.name for stage in load_stages())}
    monkeypatch.setattr(Cluster, "counts", counts)
    return counts


def results(*parts: str) -> dict[str, CheckResult]:
    checks = [replace(each, needs="") for each in doctor.checks(load_stages, AwsSession()) if each.part in parts]
    return {each.part: each for each in run_checks(checks)}


def test_added_partitions_are_reported_and_no_failure(cluster: dict[str, int]) -> None:
    cluster["media.uploaded"] = 12
    checked = results("topics")["topics"]
    assert checked.ok
    assert "partitions other than the default: media.uploaded has 12" in checked.message


def test_missing_topic_is_a_failure(cluster: dict[str, int]) -> None:
    del cluster["media.uploaded"]
    checked = results("topics")["topics"]
    assert (checked.ok, checked.message) == (False, "topics missing: media.uploaded")
    assert checked.remedy == "headrace topics apply"


def test_ordered_stage_with_uneven_partitions_is_a_failure(
    cluster: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert results("order")["order"].ok is None
    stages = [replace(stage, ordered=stage.name == "scan") for stage in load_stages()]
    checks = [replace(each, needs="") for each in doctor.checks(lambda: stages, AwsSession()) if each.part == "order"]
    assert [each.ok for each in run_checks(checks)] == [True]
    cluster["media.uploaded"] = 12
    [checked] = run_checks(checks)
    assert not checked.ok
    assert "scan needs the same number of partitions: media.uploaded has 12, scan.retry has 4" in checked.message
    assert "kafka-topics.sh --alter" in checked.remedy
