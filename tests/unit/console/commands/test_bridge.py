"""`headrace bridge preview` prints the records that messages would produce."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headrace.connectors.bridge import service
from headrace.connectors.bridge.bridge import BridgeError
from headrace.console.commands.bridge import app
from headrace.schemas.runtime import logging
from tests.unit.connectors.webhook import sns_messages


def previewed(content: str | bytes) -> list[dict[str, Any]]:
    result = CliRunner().invoke(app, ["preview", "-"], input=content)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_preview_prints_topic_key_headers_and_value() -> None:
    (row,) = previewed(sns_messages.notification() + "\n")

    assert (row["line"], row["topic"], row["key"]) == (1, "media.uploaded", "media/a.jpg")
    assert row["headers"]["ce_type"] == "headrace.MediaUploaded"
    assert row["value"]["asset"]["sequencer"] == "0A"
    assert row["value"]["uploaded_at"] == "2026-03-14T15:09:26.535000Z"


def test_preview_prints_rejected_and_ignored_messages() -> None:
    rows = previewed(
        'no json\n\n{"Event": "s3:TestEvent"}\n'
        + sns_messages.notification(sns_messages.record("a"), sns_messages.record("b"))
    )

    assert [(row["line"], row.get("rejected") or row.get("ignored") or row["key"]) for row in rows] == [
        (1, "not_json"),
        (3, "S3 test event"),
        (4, "media/a"),
        (4, "media/b"),
    ]


def test_partly_rejected_message_prints_its_records_first() -> None:
    rows = previewed(sns_messages.notification(sns_messages.record("bad", version="3.0"), sns_messages.record("good")))

    assert [row.get("rejected") or row["key"] for row in rows] == ["media/good", "unreadable"]
    assert rows[1]["reason"] == "Records[0]: eventVersion is not 2.x"


def test_body_with_line_breaks_can_be_a_json_string() -> None:
    pretty = json.dumps(json.loads(sns_messages.notification()), indent=2)

    assert previewed(json.dumps(pretty)) == previewed(sns_messages.notification())


def test_binary_lines_are_rejected() -> None:
    (row,) = previewed(b"\xff\xfe\n")

    assert row["rejected"] == "not_json"


def test_missing_file_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["preview", str(tmp_path / "none.jsonl")], env={"COLUMNS": "500"})

    assert result.exit_code == 2
    assert "none.jsonl" in result.stderr


def test_bridge_names_missing_settings(monkeypatch: Any) -> None:
    from headrace.schemas.settings import SettingsError

    for name in ("HEADRACE_QUEUE_URLS", "HEADRACE_BOOTSTRAP_SERVERS"):
        monkeypatch.delenv(name, raising=False)
    result = CliRunner().invoke(app, [])

    assert isinstance(result.exception, SettingsError)
    assert "HEADRACE_QUEUE_URLS is not set" in str(result.exception)


def test_failed_bridge_exits_with_1_and_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise BridgeError("the bridge cannot go on: fenced")

    monkeypatch.setenv("HEADRACE_QUEUE_URLS", "http://sqs/media")
    monkeypatch.setenv("HEADRACE_BOOTSTRAP_SERVERS", "127.0.0.1:9")
    monkeypatch.setattr(service, "serve", fails)
    monkeypatch.setattr(logging, "configure", lambda json: None)  # which would last beyond this test
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        result = CliRunner().invoke(app, [])
    finally:
        for number, handler in zip((signal.SIGTERM, signal.SIGINT), before, strict=True):
            signal.signal(number, handler)

    assert result.exit_code == 1
    assert result.stderr.splitlines() == ["the bridge cannot go on: fenced"]
