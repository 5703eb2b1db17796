"""Tests of the names of limits: a misspelt one is an error, never a limit that is not applied."""

from __future__ import annotations

import pytest

from headrace.schemas.settings import SettingsError, load
from headrace.streams import pipeline
from headrace.streams.settings import StreamSettings
from headrace.streams.worker.limit_names import check_limit_names


def check(monkeypatch: pytest.MonkeyPatch, slots: str = "", rates: str = "") -> None:
    monkeypatch.setenv("HEADRACE_SLOTS", slots)
    monkeypatch.setenv("HEADRACE_RATES", rates)
    check_limit_names(load(StreamSettings, results_bucket="results"), pipeline.all_stages())


def test_known_names_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    check(monkeypatch, "labels=10,segments=2", "rekognition.detect_labels=5,dynamodb.get_item=3")
    check(monkeypatch)


@pytest.mark.parametrize(
    ("slots", "hint"),
    [("lables=10", "did you mean labels?"), ("probe=1", "there are "), ("=1", "there are "), ("LABELS=1", "labels")],
)
def test_slots_of_an_unknown_stage_are_an_error(monkeypatch: pytest.MonkeyPatch, slots: str, hint: str) -> None:
    with pytest.raises(SettingsError, match="HEADRACE_SLOTS") as raised:
        check(monkeypatch, slots=slots)
    assert hint in str(raised.value)


@pytest.mark.parametrize(
    ("rates", "hint"),
    [
        ("rekognition.detect_lables=5", "did you mean rekognition.detect_labels?"),
        ("rekogniton.detect_labels=5", "did you mean rekognition.detect_labels?"),
        ("rekognition.DetectLabels=5", "rekognition."),
        ("rekognition=5", "an example"),
        ("rekognition.=5", "an example"),
        ("../../etc=5", "an example"),
    ],
)
def test_rates_of_an_unknown_operation_are_an_error(monkeypatch: pytest.MonkeyPatch, rates: str, hint: str) -> None:
    with pytest.raises(SettingsError, match="HEADRACE_RATES") as raised:
        check(monkeypatch, rates=rates)
    assert hint in str(raised.value)
