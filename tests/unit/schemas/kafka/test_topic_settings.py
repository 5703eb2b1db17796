"""Tests of the numbers of partitions of a deployment's topics."""

from __future__ import annotations

import pytest

from headrace.schemas.kafka.topic_settings import configured_topics
from headrace.schemas.settings import SettingsError


@pytest.mark.parametrize(
    ("value", "ready", "uploaded"),
    [("", 4, 4), ("16", 16, 16), ("media.ready=64", 64, 4), ("16, media.ready = 64", 64, 16)],
)
def test_partitions_are_set_for_all_topics_or_one(
    monkeypatch: pytest.MonkeyPatch, value: str, ready: int, uploaded: int
) -> None:
    monkeypatch.setenv("HEADRACE_PARTITIONS", value)
    table = {topic.name: topic.partitions for topic in configured_topics(["labels"])}
    assert (table["media.ready"], table["media.uploaded"], table["system.slots"]) == (ready, uploaded, 1)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("0", "greater than 0"),
        ("many", "valid integer"),
        ("media.ready=", "valid integer"),
        ("system.slots=2", "HEADRACE_PARTITIONS: system.slots has one partition"),
        ("media.redy=2", "HEADRACE_PARTITIONS: there is no topic media.redy"),
    ],
)
def test_invalid_partitions_are_rejected(monkeypatch: pytest.MonkeyPatch, value: str, reason: str) -> None:
    monkeypatch.setenv("HEADRACE_PARTITIONS", value)
    with pytest.raises(SettingsError, match=reason):
        configured_topics(["labels"])
