"""Captions."""

from __future__ import annotations

from headrace.console.media.webvtt import captions
from headrace.streams.passages.passage import Passage


def test_writes_a_cue_for_each_text_with_a_time() -> None:
    spoken = [Passage("transcript", "Hello.", start=0.5, end=3725.25), Passage("transcript", "no time")]
    assert captions(spoken) == "WEBVTT\n\n00:00:00.500 --> 01:02:05.250\nHello.\n"


def test_a_text_cannot_add_cues_or_markup() -> None:
    text = "<b>x\n\n00:00 --> 00:01\n& y"
    [_, cue] = captions([Passage("transcript", text, start=0.0, end=1.0)]).split("\n\n")
    assert "<b>" not in cue
    assert cue.count("-->") == 1
