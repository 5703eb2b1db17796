"""Tests of log output."""

from __future__ import annotations

import io
import json
import logging as library_logging
import re
import sys
from collections.abc import Iterator

import pytest
import structlog

from headrace.schemas.redaction import PLACEHOLDER
from headrace.schemas.runtime import logging
from tests.support.hostile import HOSTILE, INVISIBLE, assert_visible


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Restore the log configuration."""
    yield
    logging.configure(json=False)


class Writes(io.StringIO):
    """A standard error that records each write."""

    def __init__(self) -> None:
        super().__init__()
        self.each: list[str] = []

    def write(self, text: str) -> int:
        self.each.append(text)
        return super().write(text)


def test_writes_to_the_current_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Writes(), Writes()
    monkeypatch.setattr(sys, "stderr", first)
    logging.configure(json=True)
    log = structlog.get_logger("test")
    log.info("one")
    first.close()
    monkeypatch.setattr(sys, "stderr", second)
    log.info("two")
    assert json.loads(second.getvalue())["event"] == "two"


def test_writes_each_line_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    written = Writes()
    monkeypatch.setattr(sys, "stderr", written)
    logging.configure(json=True)
    structlog.get_logger("test").info("one", key="a")
    [line] = written.each
    assert line.endswith("}\n")


def test_reconfiguration_applies_to_cached_loggers() -> None:
    logging.configure(json=True)
    early = structlog.get_logger("early")
    early.info("first")
    logging.configure(json=False)
    with structlog.testing.capture_logs() as lines:
        early.info("second")
    assert [each["event"] for each in lines] == ["second"]


def log_hostile_text() -> None:
    """Log hostile text in every part of a line, with a traceback, and as a library does."""
    log = structlog.get_logger("headrace")
    for number, text in enumerate(HOSTILE):
        try:
            try:
                raise KeyError(text)
            except KeyError as error:
                raise ValueError(text) from error
        except ValueError as error:
            log.warning("dead_lettered", key=f"media/{text}", why=error, number=number, keys=[text, {text: text}])
            log.exception("failed", **{text: text.encode(errors="replace")})
            log.error("failed", exc_info=ExceptionGroup(text, [error]))
            if not re.search("[\ud800-\udfff]", text):  # pytest's own log handler cannot report one
                library_logging.getLogger("aiokafka").error("failed for %s", text, exc_info=True)


def test_lines_for_people_are_safe(capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure(json=False)
    log_hostile_text()
    written = capsys.readouterr().err
    assert_visible(written)
    lines = written.splitlines()
    assert sum("dead_lettered" in line for line in lines) == len(HOSTILE), "a key cannot start a line of its own"
    assert sum(line.startswith("aiokafka: ") for line in lines) == len(HOSTILE) - 2


def test_json_lines_are_safe(capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure(json=True)
    log_hostile_text()
    written = capsys.readouterr().err
    assert written.isascii()
    assert "CANARY" not in written
    lines = [json.loads(line) for line in written.splitlines()]
    assert [line["number"] for line in lines if line["event"] == "dead_lettered"] == list(range(len(HOSTILE)))
    assert all("ValueError" in line["exception"] for line in lines if line["event"] == "failed")


def test_json_lines_keep_invisible_characters(capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure(json=True)
    structlog.get_logger("headrace").info("uploaded", key=" ".join(INVISIBLE))
    assert json.loads(capsys.readouterr().err)["key"] == " ".join(INVISIBLE)


def test_lines_for_people_show_invisible_characters_escaped_once(capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure(json=False)
    structlog.get_logger("headrace").info("uploaded", key="a\x1b b")
    assert r'key="a\x1b b"' in capsys.readouterr().err


def test_field_with_the_name_of_a_secret_is_redacted(capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure(json=False)
    structlog.get_logger("headrace").info("connected", password="CANARY", token="labels-" + "0" * 40)
    written = capsys.readouterr().err
    assert f"password={PLACEHOLDER}" in written.replace('"', "")
    assert "labels-000" in written


def test_library_errors_are_logged_once_after_a_reconfiguration(capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure(json=False)
    logging.configure(json=True)
    library_logging.getLogger("aiokafka").error("failed")
    assert json.loads(capsys.readouterr().err) == {"event": "failed", "level": "error", "logger": "aiokafka"}
