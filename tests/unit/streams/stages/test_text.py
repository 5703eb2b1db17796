"""Tests that texts are split at sentences and words without loss, and that subtitles keep their times."""

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
def test_parts_fit_and_contain_the_whole_text(text: str, most: int) -> None:
    parts = list(split_text(text, most))
    assert all(len(part.content.encode()) <= most for part in parts)
    assert all(text[part.begin : part.begin + len(part.content)] == part.content for part in parts)
    joined = "".join(part.content for part in parts)
    assert "".join(joined.split()) == "".join(text.split())


def test_splits_after_a_sentence() -> None:
    parts = [part.content for part in split_text("One is here. Two is too. Three", 26)]
    assert parts == ["One is here. Two is too. ", "Three"]


def test_splits_a_long_sentence_after_a_word() -> None:
    assert [part.content for part in split_text("one two three", 9)] == ["one two ", "three"]


def test_replacing_subtitle_texts_keeps_their_times() -> None:
    subtitles = webvtt.parse(VTT)
    assert subtitles.texts == ("Ask not what your country", "can do.")
    replaced = webvtt.parse(subtitles.with_texts(["Fragt nicht", "tun kann."]))
    assert (replaced.times, replaced.texts) == (subtitles.times, ("Fragt nicht", "tun kann."))
    assert subtitles.times[0] == "00:00:01.000 --> 00:00:02.500 align:start"


def test_rejects_too_few_subtitle_texts() -> None:
    with pytest.raises(ValueError, match="argument"):
        webvtt.parse(VTT).with_texts(["one"])
