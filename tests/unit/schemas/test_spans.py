"""The header `traceparent`, and the current span."""

from __future__ import annotations

import pytest

from headrace.schemas.spans import SpanContext, current_traceparent, header_span, parse_traceparent

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
VALID = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    ("value", "sampled"),
    [
        (VALID, True),
        (f"00-{TRACE}-{SPAN}-00", False),
        (f"00-{TRACE}-{SPAN}-03", True),
        (f"cc-{TRACE}-{SPAN}-01-x", True),
    ],
)
def test_valid_header_is_parsed(value: str, sampled: bool) -> None:
    assert parse_traceparent(value) == SpanContext(TRACE, SPAN, sampled)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "00-aa-bb-01",
        VALID.upper(),
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"{VALID}\n",
        VALID + "-" + "x" * 1000,
    ],
)
def test_invalid_header_names_no_span(value: str) -> None:
    assert parse_traceparent(value) is None
    assert header_span((("traceparent", value.encode()),)) is None


def test_formats_what_it_parses() -> None:
    assert SpanContext(TRACE, SPAN).traceparent == VALID
    assert SpanContext(TRACE, SPAN, sampled=False).traceparent.endswith("-00")


def test_last_header_counts_and_bytes_that_are_not_ascii_name_no_span() -> None:
    assert header_span((("traceparent", b"x"), ("traceparent", VALID.encode()))) == SpanContext(TRACE, SPAN)
    assert header_span((("traceparent", VALID.encode()), ("traceparent", b"\xff"))) is None
    assert header_span((("other", VALID.encode()), ("traceparent", None))) is None


def test_header_is_passed_on_without_a_span() -> None:
    assert current_traceparent(VALID) == VALID
