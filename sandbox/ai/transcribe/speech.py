"""Return the speech of a media file: from captions, from the speech recogniser if installed, else synthetic words."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, groupby, islice, zip_longest
from pathlib import Path

from headrace.sandbox.ai.framework import ffmpeg
from headrace.sandbox.ai.transcribe import recognizer
from headrace.sandbox.ai.transcribe.recognizer import Word

WORDS_A_SECOND = 2.5
SHORTEST_SOUND, SHORTEST_SILENCE = 0.1, 0.3  # seconds
# Silence is relative to the loudest sound: noisy and quiet recordings have pauses too.
BELOW_LOUDEST_DB, QUIETEST_DB = 23.0, -50.0

_CUE = re.compile(r"(\S+) --> (\S+).*\n((?:.+\n?)+)")
_MARKUP = re.compile(r"<[^>]*>|\{\\[^}]*\}")
_LOUDEST = re.compile(r"max_volume: (-?[\d.]+) dB")
_SILENCE = re.compile(r"silence_(start|end): (-?[\d.]+)")


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word with its punctuation and its times in seconds; `redacted` is the type of the personal data it replaces."""

    text: str
    start: float
    end: float
    redacted: str = ""


@dataclass(frozen=True, slots=True)
class SpokenSegment:
    """A segment of words with times in seconds and a confidence from 0 to 1.

    Without `words`, the words of the text divide the time of the segment.
    """

    start: float
    end: float
    text: str
    sure: float = 1.0
    words: tuple[TimedWord, ...] = ()


@dataclass(frozen=True, slots=True)
class RecognizedSpeech:
    """The segments and their source. `synthetic`: the times are real, the words are placeholders."""

    segments: tuple[SpokenSegment, ...]
    engine: str
    synthetic: bool


def recognize(media: Path, probe: ffmpeg.MediaProbe, sidecar: Path | None, language: str = "en-US") -> RecognizedSpeech:
    """Return the speech in `media`: from captions next to it, captions inside it, or its audio.

    English audio is recognised if the extra `speech` is installed; other words are synthetic.
    """
    if sidecar is not None and (segments := _captions(sidecar)):
        return RecognizedSpeech(segments, "captions beside the media", synthetic=False)
    if probe.has_captions and (segments := _captions(media)):
        return RecognizedSpeech(segments, "captions inside the media", synthetic=False)
    sounds = list(sounds_between(_silences(media), probe.duration))
    engine = recognizer.engine() if _can_be_recognised(probe, language) else ""
    if engine and sounds and (words := recognizer.words(media)):
        return RecognizedSpeech(tuple(_group_by_sound(words, sounds)), engine, synthetic=False)
    synthetic_segments = tuple(
        SpokenSegment(start, end, _stand_in(n, end - start)) for n, (start, end) in enumerate(sounds, 1)
    )
    return RecognizedSpeech(
        synthetic_segments, "silence detection; the words are synthetic, no speech model was run", synthetic=True
    )


def timed_words(segment: SpokenSegment) -> tuple[TimedWord, ...]:
    """Return the words of a segment; without known times, they divide its time by their lengths."""
    return segment.words or tuple(_divided(segment))


def _divided(segment: SpokenSegment) -> Iterator[TimedWord]:
    words = segment.text.split()
    letters = max(1, sum(len(word) for word in words))
    pace, at = (segment.end - segment.start) / letters, segment.start
    for word in words:
        until = at + len(word) * pace
        yield TimedWord(word, at, until)
        at = until


def parse_srt(text: str) -> tuple[SpokenSegment, ...]:
    """Return the cues of a SubRip file, each on one line and without markup."""
    cues = _CUE.findall(text.replace("\r\n", "\n"))
    segments = (SpokenSegment(_seconds(start), _seconds(end), _plain(lines)) for start, end, lines in cues)
    return tuple(segment for segment in segments if segment.text)


def sounds_between(log: str, duration: float) -> Iterator[tuple[float, float]]:
    """Yield start and end of each sound from the log of ffmpeg's silencedetect.

    Silence without an end lasts to the end of the media.
    """
    starts, ends = ([float(at) for edge, at in _SILENCE.findall(log) if edge == which] for which in ("start", "end"))
    begin = 0.0
    for quiet_from, quiet_to in [*zip_longest(starts, ends, fillvalue=duration), (duration, duration)]:
        if quiet_from - begin >= SHORTEST_SOUND:
            yield round(begin, 3), round(quiet_from, 3)
        begin = quiet_to


def _can_be_recognised(probe: ffmpeg.MediaProbe, language: str) -> bool:
    return language.startswith("en") and probe.duration <= recognizer.MAX_SECONDS


def _group_by_sound(words: Iterable[Word], sounds: Sequence[tuple[float, float]]) -> Iterator[SpokenSegment]:
    """Group words by the last sound that starts before the middle of the word."""
    starts = [start for start, _ in sounds]
    for number, group in groupby(words, lambda word: max(bisect_right(starts, (word.start + word.end) / 2) - 1, 0)):
        members = list(group)
        sure = sum(word.sure for word in members) / len(members)
        yield SpokenSegment(*sounds[number], " ".join(word.text for word in members), sure)


def _captions(source: Path) -> tuple[SpokenSegment, ...]:
    """Return the first caption track; empty if it is not text."""
    try:
        srt = ffmpeg.run(source, "-map", "0:s:0", "-f", "srt", "pipe:1").stdout
    except ffmpeg.NotMediaError:
        return ()
    return parse_srt(srt.decode(errors="replace"))


def _silences(media: Path) -> str:
    loudest = _LOUDEST.search(_filtered(media, "volumedetect"))
    floor = max((float(loudest[1]) if loudest else 0.0) - BELOW_LOUDEST_DB, QUIETEST_DB)
    return _filtered(media, f"silencedetect=noise={floor}dB:d={SHORTEST_SILENCE}")


def _filtered(media: Path, audio_filter: str) -> str:
    return ffmpeg.run(media, "-map", "0:a:0", "-af", audio_filter, "-f", "null", "-").log


def _stand_in(number: int, seconds: float) -> str:
    """Return as many placeholder words as fit."""
    words = cycle(("synthetic", "words", "for", "sound", str(number)))
    return " ".join(islice(words, max(1, round(seconds * WORDS_A_SECOND)))).capitalize() + "."


def _plain(lines: str) -> str:
    return " ".join(_MARKUP.sub("", lines).split())


def _seconds(stamp: str) -> float:
    hours, minutes, seconds = stamp.replace(",", ".").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
