"""Tests of log output."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator

import pytest
import structlog

from headrace.schemas.runtime import logging


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
