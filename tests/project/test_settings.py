"""Every setting rejects values that are out of bounds or malformed in one short line that names its variable."""

from __future__ import annotations

from importlib import import_module

import pytest
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from headrace.schemas.safe_text import escape
from headrace.schemas.settings import SettingsError, load
from headrace.streams.settings import RESULT_SETTINGS, StreamSettings
from tests.project.source import modules, name_of

MALFORMED = ("\udc80", "x" * 200_000)
OUT_OF_BOUNDS = ("nan", "inf", "-inf", "-1", "1e400", "1e30", "9" * 20, "9" * 5000, "{", "a=b", "é")
PAIRS = ("a=nan", "a=inf", "a=0", "a=-1", "a=1e30", "a=" + "9" * 20, "a=", "a=b", "inf", "-1")
URLS = (
    "there",
    "ftp://a/b",
    "https://",
    "https://[",
    "http://[::1",
    "http://a:99999999",
    "http://a:b",
    "http://a b/",
    "é",
)
LONGEST_LINE = 400


def settings() -> dict[str, tuple[type[BaseSettings], object]]:
    """Return the class and the type of each variable."""
    found: dict[str, tuple[type[BaseSettings], object]] = {}
    for path in modules("schemas", "connectors", "streams", "console"):
        if not path.name.endswith("settings.py"):
            continue
        for each in vars(import_module(name_of(path))).values():
            if isinstance(each, type) and issubclass(each, BaseSettings) and each is not BaseSettings:
                prefix = each.model_config.get("env_prefix", "")
                found |= {
                    f"{prefix}{name}".upper(): (each, field.annotation) for name, field in each.model_fields.items()
                }
    return found


SETTINGS = settings()


@pytest.fixture(autouse=True)
def _required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_BOOTSTRAP_SERVERS", "kafka:9092")
    monkeypatch.setenv("HEADRACE_RESULTS_BUCKET", "results")
    monkeypatch.setenv("HEADRACE_QUEUE_URLS", "https://sqs/1/media")
    monkeypatch.setenv("HEADRACE_WEBHOOK_TOPIC_ARNS", "arn:aws:sns:eu-central-1:123456789012:media")


def values(variable: str, annotation: object) -> tuple[str, ...]:
    """Return values that a variable of a type must reject."""
    if variable == "HEADRACE_QUEUE_URLS":
        return (*MALFORMED, *URLS)
    if annotation in (int, float, bool):
        return (*MALFORMED, *OUT_OF_BOUNDS)
    if str(annotation).startswith("dict["):
        return (*MALFORMED, *PAIRS)
    return MALFORMED


def test_every_settings_class_is_found() -> None:
    assert {"HEADRACE_IN_FLIGHT", "HEADRACE_WEBHOOK_PORT", "HEADRACE_KAFKA_TLS", "HEADRACE_VIEWS"} <= SETTINGS.keys()


@pytest.mark.parametrize("variable", [each for each, (_, kind) in SETTINGS.items() if kind is not SecretStr])
def test_invalid_value_is_one_line_with_the_name_of_the_variable(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cls, annotation = SETTINGS[variable]
    for value in values(variable, annotation):
        monkeypatch.setenv(variable, value)
        with pytest.raises(SettingsError) as caught:
            load(cls)
        line = str(caught.value)
        assert variable in line, value[:20]
        assert line == escape(line)
        assert len(line) < LONGEST_LINE


NOT_IN_RESULTS = frozenset(
    {
        "results_bucket",
        "jobs_topic_arn",
        "jobs_role_arn",
        "mediaconvert_role_arn",
        "clamd",
        "max_object_bytes",
        "in_flight",
        "slots",
        "rates",
        "machine_actions",
        "buffer_bytes",
        "aws_threads",
        "drain_seconds",
        "commit_seconds",
        "session_seconds",
    }
)
"""Settings of workers that change no result. A new setting belongs here or in `RESULT_SETTINGS`."""


def test_every_setting_of_workers_either_changes_results_or_not() -> None:
    assert set(RESULT_SETTINGS).isdisjoint(NOT_IN_RESULTS)
    assert StreamSettings.model_fields.keys() == {*RESULT_SETTINGS, *NOT_IN_RESULTS}
