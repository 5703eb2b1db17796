"""Tests of redacted transcripts: where personal data was removed, and subtitles."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headrace.schemas.parsing import InvalidValueError
from headrace.streams.media.redacted_speech import SpokenItem, spoken_items, webvtt


def word(content: str, start: float, end: float, **more: Any) -> dict[str, Any]:
    alternative = {"content": content, **more}
    return {"type": "pronunciation", "alternatives": [alternative], "start_time": str(start), "end_time": str(end)}


def mark(content: str) -> dict[str, Any]:
    return {"type": "punctuation", "alternatives": [{"confidence": "0.0", "content": content}]}


def answer(text: str, *items: dict[str, Any]) -> bytes:
    return json.dumps({"results": {"transcripts": [{"transcript": text}], "items": items}}).encode()


PII = {"redactions": [{"confidence": "0.9999", "category": "PII", "type": "NAME"}]}


def test_items_have_their_punctuation_and_removals_are_marked() -> None:
    found = spoken_items(answer("I am [PII].", word("I", 0, 0.2), word("am", 0.2, 0.4), word("[PII]", 1, 2), mark(".")))
    assert found == (
        SpokenItem("I", 0.0, 0.2, False),
        SpokenItem("am", 0.2, 0.4, False),
        SpokenItem("[PII].", 1.0, 2.0, True),
    )


def test_removal_is_recognised_by_its_redactions_too() -> None:
    [found] = spoken_items(answer("", word("[NAME]", 1, 2, **PII)))
    assert found.redacted


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b"not json",
        answer("I am [PII].", word("I", 0, 0.2), word("am", 0.2, 0.4)),
        answer("[PII] and [PII]", word("[PII]", 0, 1)),
        answer("[PII]", {"type": "pronunciation", "alternatives": [{"content": "[PII]"}]}),
    ],
)
def test_removal_without_a_time_is_an_error(content: bytes) -> None:
    with pytest.raises(InvalidValueError):
        spoken_items(content)


def test_cues_end_with_sentences_in_pauses_and_before_they_are_too_long() -> None:
    items = [
        SpokenItem("Ask.", 0.0, 1.0, False),
        SpokenItem("One", 1.0, 2.0, False),
        SpokenItem("<two>", 3.5, 4.0, False),
        *(SpokenItem("x" * 30, 4.0 + at, 4.5 + at, False) for at in range(3)),
    ]
    assert webvtt(items).split("\n\n") == [
        "WEBVTT",
        "00:00:00.000 --> 00:00:01.000\nAsk.",
        "00:00:01.000 --> 00:00:02.000\nOne",
        f"00:00:03.500 --> 00:00:05.500\n&lt;two&gt; {'x' * 30} {'x' * 30}",
        f"00:00:06.000 --> 00:00:06.500\n{'x' * 30}\n",
    ]
