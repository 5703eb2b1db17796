"""Texts are cut where a reader would, and nothing is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.streams.media import webvtt
from headrace.streams.media.text_chunks import split_text

VTT = """WEBVTT

NOTE made by hand

1
00:00:01.000 --> 00:00:02.500 align:start
Ask not what
your country

00:00:03.000 --> 00:00:04.000
can do.
"""


@given(st.text(), st.integers(4, 60))
def test_parts_are_the_text_in_pieces_that_fit(text: str, most: int) -> None:
    found = list(split_text(text, most))
    assert all(len(part.content.encode()) <= most for part in found)
    assert all(text[part.begin : part.begin + len(part.content)] == part.content for part in found)
    seen = "".join(part.content for part in found)
    assert "".join(seen.split()) == "".join(text.split())


def test_a_text_is_cut_behind_a_sentence() -> None:
    cut = [part.content for part in split_text("One is here. Two is too. Three", 26)]
    assert cut == ["One is here. Two is too. ", "Three"]


def test_a_sentence_that_is_too_long_is_cut_behind_a_word() -> None:
    assert [part.content for part in split_text("one two three", 9)] == ["one two ", "three"]


def test_subtitles_keep_their_times_when_their_words_change() -> None:
    found = webvtt.parse(VTT)
    assert found.texts == ("Ask not what your country", "can do.")
    again = webvtt.parse(found.with_texts(["Fragt nicht", "tun kann."]))
    assert (again.times, again.texts) == (found.times, ("Fragt nicht", "tun kann."))
    assert found.times[0] == "00:00:01.000 --> 00:00:02.500 align:start"


def test_subtitles_with_too_few_texts_are_refused() -> None:
    with pytest.raises(ValueError, match="argument"):
        webvtt.parse(VTT).with_texts(["one"])
