"""Speech of media files and its source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.sandbox.ai.framework import ffmpeg
from headrace.sandbox.ai.transcribe import recognizer, speech
from headrace.sandbox.ai.transcribe.recognizer import Word
from headrace.sandbox.ai.transcribe.speech import SpokenSegment

SRT = """1
00:00:00,300 --> 00:00:02,100
And so, my
<i>fellow</i> Americans,

2
00:00:03,300 --> 00:00:04,300
ask not
"""
CUES = (SpokenSegment(0.3, 2.1, "And so, my fellow Americans,"), SpokenSegment(3.3, 4.3, "ask not"))


recognised = pytest.mark.skipif(not recognizer.engine(), reason="the extra `speech` is not installed: pocketsphinx")


@pytest.fixture
def no_recogniser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disable the extra `speech`."""
    monkeypatch.setattr(recognizer, "engine", lambda: "")


def heard(path: Path, sidecar: Path | None = None) -> speech.RecognizedSpeech:
    return speech.recognize(path, ffmpeg.probe(path), sidecar)


def test_detects_pauses_and_marks_words_as_synthetic(media: Path, no_recogniser: None) -> None:
    found = heard(media / "jfk.flac")
    spans = [(round(segment.start, 1), round(segment.end, 1)) for segment in found.segments]
    assert spans == [(0.3, 2.1), (3.3, 3.7), (4.0, 4.3), (5.4, 7.6), (8.2, 11.0)]
    assert found.synthetic
    assert all(segment.text.startswith("Synthetic") for segment in found.segments)
    assert "no speech model" in found.engine


@recognised
def test_recognises_english_with_the_speech_extra(media: Path) -> None:
    found = heard(media / "jfk.flac")

    said = " ".join(segment.text for segment in found.segments)
    assert not found.synthetic
    assert "your country can do for you and what you can do for your" in said
    assert [round(segment.start, 1) for segment in found.segments][:2] == [0.3, 3.3]
    assert all(0 < segment.sure < 1 for segment in found.segments)
    assert found.engine.startswith("pocketsphinx")


@recognised
def test_another_language_is_not_recognised_as_english(media: Path) -> None:
    probe = ffmpeg.probe(media / "jfk.flac")

    assert speech.recognize(media / "jfk.flac", probe, None, "de-DE").synthetic


def test_groups_words_by_sound() -> None:
    spoken = [Word(0.1, 0.4, "one", 0.5), Word(0.9, 1.2, "two", 1.0), Word(2.1, 2.4, "three", 0.4)]

    found = list(speech._group_by_sound(spoken, [(0.2, 1.0), (2.0, 3.0)]))

    assert found == [SpokenSegment(0.2, 1.0, "one two", 0.75), SpokenSegment(2.0, 3.0, "three", 0.4)]


def test_longer_sound_has_more_words(media: Path, no_recogniser: None) -> None:
    by_length = sorted(heard(media / "jfk.flac").segments, key=lambda segment: segment.end - segment.start)
    counts = [len(segment.text.split()) for segment in by_length]
    assert counts == sorted(counts)
    assert counts[-1] == 7


def test_silence_has_no_segments(clip: Callable[..., Path]) -> None:
    assert heard(clip("silence.wav", "-f", "lavfi", "-i", "anullsrc", "-t", "2")).segments == ()


def test_sound_without_a_pause_is_one_segment(clip: Callable[..., Path]) -> None:
    (segment,) = heard(clip("tone.wav", "-f", "lavfi", "-i", "sine", "-t", "2")).segments
    assert (segment.start, segment.end) == (0.0, 2.0)


def test_silence_at_the_end_is_not_sound(clip: Callable[..., Path]) -> None:
    (segment,) = heard(clip("ends.wav", "-f", "lavfi", "-i", "sine=d=1", "-af", "apad=pad_dur=2")).segments
    assert (segment.start, round(segment.end, 1)) == (0.0, 1.0)


def test_silence_without_an_end_lasts_to_the_end() -> None:
    log = "silence_start: 1.0\nsilence_end: 2.0 | silence_duration: 1.0\nsilence_start: 3.0\n"
    assert list(speech.sounds_between(log, 5.0)) == [(0.0, 1.0), (2.0, 3.0)]


def test_uses_captions_next_to_the_media(media: Path, tmp_path: Path) -> None:
    sidecar = tmp_path / "captions"
    sidecar.write_text(SRT)
    found = heard(media / "jfk.flac", sidecar)
    assert (found.segments, found.synthetic) == (CUES, False)


def test_captions_of_the_sample_have_its_words_at_the_times_of_its_sounds(media: Path, no_recogniser: None) -> None:
    found = heard(media / "jfk.flac", media / "jfk.srt")
    sounds = {round(segment.start, 1) for segment in heard(media / "jfk.flac").segments}
    assert " ".join(segment.text for segment in found.segments) == (
        "And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your country."
    )
    assert not found.synthetic
    assert [round(segment.start, 1) for segment in found.segments] == sorted(sounds - {4.0})


def test_uses_captions_inside_the_media(media: Path, tmp_path: Path, clip: Callable[..., Path]) -> None:
    (tmp_path / "in.srt").write_text(SRT)
    inputs = ("-i", str(media / "rabbit.mp4"), "-i", str(tmp_path / "in.srt"))
    found = heard(clip("with.mp4", *inputs, "-c", "copy", "-c:s", "mov_text"))
    assert (found.segments, found.synthetic) == (CUES, False)


def test_ignores_unreadable_captions(media: Path, tmp_path: Path, no_recogniser: None) -> None:
    sidecar = tmp_path / "captions"
    sidecar.write_bytes(b"\x00 not captions")
    assert heard(media / "jfk.flac", sidecar).synthetic


def test_parses_subrip_with_any_line_ends_and_markup() -> None:
    assert speech.parse_srt(SRT.replace("\n", "\r\n")) == CUES
    assert speech.parse_srt("1\n01:00:00,000 --> 01:00:01,500\n{\\an8}<b> </b>\n") == ()
