"""Secrets are redacted; other text is not."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from headrace.schemas.redaction import _SECRETS, PLACEHOLDER, redact
from headrace.schemas.runtime import logging

SECRETS = [
    "https://b.s3.amazonaws.com/k.jpg?X-Amz-Credential=CANARY&X-Amz-Signature=CANARY",
    "Authorization: Bearer CANARY.CANARY.CANARY",
    "AKIACANARYCANARY0004 was refused",
    "amqp://user:CANARY@host/",
    "password=CANARY",
    "the token eyJCANARY.eyJCANARY.x",
]


@pytest.mark.parametrize("text", SECRETS)
def test_redacts_secrets(text: str) -> None:
    assert "CANARY" not in redact(text)
    assert PLACEHOLDER in redact(text)


@given(st.one_of(st.text(), st.sampled_from(SECRETS), st.from_regex(r"(\?|token|=|AKIA|://|@|eyJ|bearer ){1,4}\w*")))
def test_quick_check_misses_no_secret(text: str) -> None:
    slow = text
    for pattern in _SECRETS:
        slow = pattern.sub(lambda found: found[0].replace(found["secret"], PLACEHOLDER), slow)
    assert (redact(text) == text) == (slow == text)


@pytest.fixture
def restored() -> Iterator[None]:
    """Restore the log configuration."""
    yield
    logging.configure(json=False)


@pytest.mark.usefixtures("restored")
def test_log_lines_contain_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stderr", out)
    logging.configure(json=True)
    log = structlog.get_logger("headrace")
    for number, text in enumerate(SECRETS):
        try:
            raise ValueError(text)
        except ValueError:
            log.warning("dead-lettered", key=f"media/{text}", why=text, number=number, exc_info=True)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["number"] for line in lines] == list(range(len(SECRETS)))
    assert "CANARY" not in out.getvalue()
    assert all("ValueError" in line["exception"] for line in lines)
