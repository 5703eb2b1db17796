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
# Silence is relative: speech that was recorded with hiss, or softly, has pauses too.
BELOW_LOUDEST_DB, QUIETEST_DB = 23.0, -50.0

_CUE = re.compile(r"(\S+) --> (\S+).*\n((?:.+\n?)+)")
_MARKUP = re.compile(r"<[^>]*>|\{\\[^}]*\}")
_LOUDEST = re.compile(r"max_volume: (-?[\d.]+) dB")
_SILENCE = re.compile(r"silence_(start|end): (-?[\d.]+)")


@dataclass(frozen=True, slots=True)
class SpokenSegment:
    """A segment of words with times in seconds and a confidence from 0 to 1."""

    start: float
    end: float
    text: str
    sure: float = 1.0


@dataclass(frozen=True, slots=True)
class RecognizedSpeech:
    """The segments and their source. `synthetic`: the times are real, the words are placeholders."""

    segments: tuple[SpokenSegment, ...]
    engine: str
    synthetic: bool


def recognize(media: Path, probe: ffmpeg.MediaProbe, sidecar: Path | None, language: str = "en-US") -> RecognizedSpeech:
    """The speech in `media`: from captions beside it, from captions inside it, else of each stretch of sound.

    Where the extra `speech` is installed, English is recognised; all else is made up, and says so.
    """
    if sidecar is not None and (segments := _captions(sidecar)):
        return RecognizedSpeech(segments, "captions beside the media", synthetic=False)
    if probe.has_captions and (segments := _captions(media)):
        return RecognizedSpeech(segments, "captions inside the media", synthetic=False)
    sounds = list(sounds_between(_silences(media), probe.duration))
    engine = recognizer.engine() if _can_be_recognised(probe, language) else ""
    if engine and sounds and (words := recognizer.words(media)):
        return RecognizedSpeech(tuple(_shared_out(words, sounds)), engine, synthetic=False)
    made_up = tuple(SpokenSegment(start, end, _stand_in(n, end - start)) for n, (start, end) in enumerate(sounds, 1))
    return RecognizedSpeech(
        made_up, "silence detection; the words are synthetic, no speech model was run", synthetic=True
    )


def parse_srt(text: str) -> tuple[SpokenSegment, ...]:
    """The cues of a SubRip file, each on one line and without markup."""
    cues = _CUE.findall(text.replace("\r\n", "\n"))
    found = (SpokenSegment(_seconds(start), _seconds(end), _plain(lines)) for start, end, lines in cues)
    return tuple(segment for segment in found if segment.text)


def sounds_between(log: str, duration: float) -> Iterator[tuple[float, float]]:
    """Start and end of each stretch of sound, from the log of ffmpeg's silencedetect; silence that has no end lasts."""
    starts, ends = ([float(at) for edge, at in _SILENCE.findall(log) if edge == which] for which in ("start", "end"))
    begin = 0.0
    for quiet_from, quiet_to in [*zip_longest(starts, ends, fillvalue=duration), (duration, duration)]:
        if quiet_from - begin >= SHORTEST_SOUND:
            yield round(begin, 3), round(quiet_from, 3)
        begin = quiet_to


def _can_be_recognised(probe: ffmpeg.MediaProbe, language: str) -> bool:
    return language.startswith("en") and probe.duration <= recognizer.MOST_SECONDS


def _shared_out(words: Iterable[Word], sounds: Sequence[tuple[float, float]]) -> Iterator[SpokenSegment]:
    """Put words together by the stretch of sound in which, or after which, their middles lie."""
    starts = [start for start, _ in sounds]
    for number, group in groupby(words, lambda word: max(bisect_right(starts, (word.start + word.end) / 2) - 1, 0)):
        said = list(group)
        sure = sum(word.sure for word in said) / len(said)
        yield SpokenSegment(*sounds[number], " ".join(word.text for word in said), sure)


def _captions(source: Path) -> tuple[SpokenSegment, ...]:
    """The first caption track, none where it cannot be read as text: then the sound decides."""
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
