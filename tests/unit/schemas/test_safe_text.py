"""Displayed text has no invisible characters; JSON keeps its data."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.schemas.redaction import PLACEHOLDER
from headrace.schemas.safe_text import escape, header_text, redact_data, safe_json, safe_text
from tests.support.hostile import INVISIBLE


@pytest.mark.parametrize("char", INVISIBLE, ids=ascii)
def test_invisible_character_is_escaped(char: str) -> None:
    shown = safe_text(f"a{char}b")
    assert shown == "a" + char.encode("unicode_escape").decode() + "b"
    assert shown.isascii()


@given(st.text(st.characters()))
def test_safe_text_is_one_line_of_visible_characters(text: str) -> None:
    shown = safe_text(text)
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert safe_text(shown) == shown


@pytest.mark.parametrize(
    "text", ["Straße/日本語 🎬.mp4", "e\u0301te\u0301.jpg", r"C:\x1b", "[/nothing] :smile:", "a  b"]
)
def test_visible_text_is_unchanged(text: str) -> None:
    assert safe_text(text) == text


@given(st.text())
def test_different_texts_of_visible_and_invisible_characters_stay_different(text: str) -> None:
    without = text.replace("\\", "")
    assert escape(without).encode().decode("unicode_escape") == without or not without.isascii()


def test_secret_is_redacted_before_a_line_break_is_escaped() -> None:
    assert safe_text("password=CANARY\nnext") == rf"password={PLACEHOLDER}\nnext"


@given(st.text())
def test_header_text_has_a_maximum_length(text: str) -> None:
    assert len(header_text(text, 20)) <= 20


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ({"Token": "CANARY"}, {"Token": PLACEHOLDER}),
        (
            {"list": [{"password": "CANARY"}, "AKIACANARYCANARY0000", None]},
            {"list": [{"password": PLACEHOLDER}, PLACEHOLDER, None]},
        ),
        ({"passwords": ["CANARY", "CANARY"]}, {"passwords": PLACEHOLDER}),
        ({"credentials": {"a": {"b": "CANARY"}}}, {"credentials": PLACEHOLDER}),
        ({"pwd": 1234}, {"pwd": PLACEHOLDER}),
        (
            {"secret": None, "token": "", "cookie": False, "has_token": True},
            {"secret": None, "token": "", "cookie": False, "has_token": True},
        ),
        ({"input_tokens": 7}, {"input_tokens": 7}),
        ({"token": "labels-" + "0" * 40}, {"token": "labels-" + "0" * 40}),
        ([["Authorization", "CANARY"], ["ce_id", "e1"]], [["Authorization", PLACEHOLDER], ["ce_id", "e1"]]),
        ({"name": "X-Api-Key", "value": "CANARY"}, {"name": "X-Api-Key", "value": PLACEHOLDER}),
        ({"url": "http://u:CANARY@h"}, {"url": f"http://{PLACEHOLDER}@h"}),
        ({"AKIACANARYCANARY0000": 1}, {PLACEHOLDER: 1}),
        ((1, 2.5, "a"), [1, 2.5, "a"]),
    ],
)
def test_data_is_redacted_by_name_and_by_value(data: Any, shown: Any) -> None:
    assert redact_data(data) == shown


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(max_size=3), each),
)


@given(VALUES)
def test_json_is_ascii_and_keeps_data(data: Any) -> None:
    text = safe_json(data)
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text) == redact_data(data)


@pytest.mark.parametrize("char", INVISIBLE, ids=ascii)
def test_json_keeps_invisible_characters(char: str) -> None:
    assert json.loads(safe_json({f"a{char}": f"b{char}"})) == {f"a{char}": f"b{char}"}


def test_json_has_no_infinite_number() -> None:
    assert json.loads(safe_json([float("inf"), float("nan")])) == ["inf", "nan"]
