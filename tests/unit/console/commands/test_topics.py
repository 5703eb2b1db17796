"""`headrace topics` without a cluster."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from headrace.console.commands import topics as commands_topics
from headrace.schemas import topics

APP = commands_topics.app


@pytest.fixture(autouse=True)
def one_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipeline of one stage."""
    monkeypatch.setattr(commands_topics, "pipeline_topics", lambda: topics.table(["labels"]))


def test_list_includes_stage_topics() -> None:
    result = CliRunner().invoke(APP, ["list", "--json"])

    rows = json.loads(result.stdout)
    assert [row["name"] for row in rows] == [topic.name for topic in topics.table(["labels"])]
    assert rows[0] == {
        "name": "media.uploaded",
        "description": "objects created in S3",
        "events": ["MediaUploaded"],
        "partitions": 4,
        "retention_days": 30,
        "compacted": False,
    }


def test_compacted_topic_has_no_retention() -> None:
    result = CliRunner().invoke(APP, ["list", "--json"])

    (schemas,) = [row for row in json.loads(result.stdout) if row["name"] == "system.schemas"]
    assert (schemas["retention_days"], schemas["compacted"]) == (None, True)


def test_table_names_every_topic() -> None:
    lines = CliRunner().invoke(APP, ["list"]).stdout.splitlines()

    assert lines[0].split() == ["topic", "description", "partitions", "retention"]
    first_words = {line.split()[0] for line in lines if not line.startswith(" ")}
    assert {topic.name for topic in topics.table(["labels"])} <= first_words
    assert any(line.split()[-3:] == ["newest", "per", "key"] for line in lines)


def test_apply_names_the_missing_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADRACE_BOOTSTRAP_SERVERS", raising=False)

    result = CliRunner().invoke(APP, ["apply"])

    assert result.exit_code == 1
    assert result.stderr.startswith("HEADRACE_BOOTSTRAP_SERVERS is not set: ")


def test_apply_reports_an_unreachable_broker_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("HEADRACE_KAFKA_TIMEOUT_SECONDS", "0.2")

    result = CliRunner().invoke(APP, ["apply"])

    assert result.exit_code == 1
    assert result.stderr == "no Kafka at 127.0.0.1:1: start it, or correct HEADRACE_BOOTSTRAP_SERVERS\n"
