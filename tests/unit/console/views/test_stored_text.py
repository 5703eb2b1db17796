"""Tests of stored texts."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from headrace.console.views.stored_text import from_stored, to_stored

TEXTS = st.text(st.one_of(st.sampled_from("\x00\x01\x02a"), st.characters(exclude_categories=["Cs"])))


@given(TEXTS)
@example("\x00\x01\x01\x02\x00")
def test_stored_text_is_reversible_and_has_no_nul(text: str) -> None:
    stored = to_stored(text)

    assert "\x00" not in stored
    assert from_stored(stored) == text


@given(TEXTS, TEXTS)
@example("a\x01", "a\x00")
@example("a\x01\x02", "a\x01")
def test_stored_texts_sort_as_the_texts_do(one: str, other: str) -> None:
    assert (to_stored(one).encode() < to_stored(other).encode()) == (one.encode() < other.encode())
