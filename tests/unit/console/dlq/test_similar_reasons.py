"""Reasons are similar if only numbers, hexadecimal, quoted parts or paths differ."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.console.dlq.similar_reasons import MAX_REASON_CHARACTERS, normalize_reason, same_digits


@pytest.mark.parametrize(
    ("value", "folded"),
    [
        ("ffmpeg took longer than 300.5 seconds", "ffmpeg took longer than <n> seconds"),
        ("gave up at 12:30:01 after 1,000 tries", "gave up at <n> after <n> tries"),
        ("a picture of 400 x 300 pixels", "a picture of <n> x <n> pixels"),
        ("cannot open s3://media/a/b.mp4", "cannot open <path>"),
        ("/tmp/x/y.mp4: moov atom not found", "<path>: moov atom not found"),
        ("media/2026/cat.jpg is bad", "<path> is bad"),
        ("photos/cat.jpg is bad", "<path> is bad"),
        ("request 6f0b8a4c-52b5-5d0e-9c0a-3e7d1f2b4a68 failed", "request <hex> failed"),
        ("at 0x7ffe12 of deadbeef01", "at <hex> of <hex>"),
        ("'NoneType' has no attribute \"width\"", "<text> has no attribute <text>"),
    ],
)
def test_variable_parts_are_normalized(value: str, folded: str) -> None:
    assert normalize_reason(value) == folded


@pytest.mark.parametrize(
    "value",
    [
        "the name ends in .jpg, but the content is image/png",
        "clamd hung up, or took too long over the file",
        "can't do this and won't do that",
        "a defaced facade",
        "read and/or write",
    ],
)
def test_meaningful_text_is_kept(value: str) -> None:
    assert normalize_reason(value) == value


def test_normalized_reasons_have_no_secrets() -> None:
    assert "CANARY" not in normalize_reason("GET https://b/k?X-Amz-Signature=CANARY with AKIACANARYCANARY0000")


def test_normalized_reason_is_short() -> None:
    assert len(normalize_reason("word " * 200)) <= MAX_REASON_CHARACTERS + 4


@given(st.text(alphabet="ab /.'\"-:x019", max_size=60))
def test_reasons_that_differ_only_in_digits_are_equal(value: str) -> None:
    assert normalize_reason(same_digits(value.encode()).decode()) == normalize_reason(value)
