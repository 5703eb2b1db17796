"""Unparseable messages are dead letters with an unchanged value and the reason."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from headrace.connectors.bridge.bridge import _dead_letter
from headrace.connectors.bridge.queue import SqsMessage
from headrace.connectors.events.dead_letters import rejected_message
from headrace.connectors.events.results import Rejected
from headrace.schemas.safe_text import LONGEST_REASON

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
URL = "http://sqs/media"


@pytest.mark.parametrize("body", ["no json", "żółć 🎬", "", "\ud800", "\x00"])
def test_value_is_the_unchanged_message(body: str) -> None:
    letter = _dead_letter(SqsMessage("m", "r", body), URL, Rejected("not_json", "why"), NOW)

    assert (letter.value or b"").decode(errors="surrogatepass") == body


def test_headers_name_the_reason_and_the_origin() -> None:
    delivery = SqsMessage("m-1", "secret-handle", "x", first_received_ms=1773500000000)

    letter = _dead_letter(delivery, URL, Rejected("unreadable", "no s3.object"), NOW)

    assert (letter.topic, letter.key) == ("bridge.dlq", b"m-1")
    assert dict(letter.headers) == {
        "dlq-stage": b"bridge",
        "dlq-code": b"unreadable",
        "dlq-message": b"no s3.object",
        "dlq-first-failure": b"2026-03-14T14:53:20.000Z",
        "dlq-last-failure": b"2026-03-14T15:09:26.000Z",
        "dlq-queue": URL.encode(),
        "dlq-sqs-message": b"m-1",
    }


def test_reason_is_truncated_to_one_line() -> None:
    letter = _dead_letter(SqsMessage("m", "r", ""), URL, Rejected("unreadable", "a\n" + "x" * 5000), NOW)

    reason = dict(letter.headers)["dlq-message"] or b""
    assert len(reason) == LONGEST_REASON
    assert b"\n" not in reason


def test_reason_contains_no_secret() -> None:
    refused = Rejected("unreadable", "a field holds AKIAIOSFODNN7EXAMPLE")

    letter = rejected_message("m", b"", refused, (NOW, NOW), {"dlq-topic-arn": "arn"})

    assert b"AKIAIOSFODNN7EXAMPLE" not in (dict(letter.headers)["dlq-message"] or b"")
