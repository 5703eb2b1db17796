"""What is said, without a speech model: captions give the exact words, otherwise sound gives synthetic ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice, zip_longest
from pathlib import Path

from sandbox.ai import ffmpeg

WORDS_A_SECOND = 2.5
SHORTEST_SOUND, SHORTEST_SILENCE = 0.1, 0.3  # seconds
# Silence is relative: speech that was recorded with hiss, or softly, has pauses too.
BELOW_LOUDEST_DB, QUIETEST_DB = 23.0, -50.0

_CUE = re.compile(r"(\S+) --> (\S+).*\n((?:.+\n?)+)")
_MARKUP = re.compile(r"<[^>]*>|\{\\[^}]*\}")
_LOUDEST = re.compile(r"max_volume: (-?[\d.]+) dB")
_SILENCE = re.compile(r"silence_(start|end): (-?[\d.]+)")


@dataclass(frozen=True, slots=True)
class Segment:
    """Words that belong together; seconds."""

    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True)
class Speech:
    """What is said and how that is known. `synthetic`: the times are real, the words stand in for real ones."""

    segments: tuple[Segment, ...]
    engine: str
    synthetic: bool


def hear(media: Path, probe: ffmpeg.Probe, sidecar: Path | None) -> Speech:
    """The speech in `media`: from captions beside it, from captions inside it, or made up for each stretch of sound."""
    if sidecar is not None and (segments := _captions(sidecar)):
        return Speech(segments, "captions beside the media", synthetic=False)
    if probe.has_captions and (segments := _captions(media)):
        return Speech(segments, "captions inside the media", synthetic=False)
    sounds = enumerate(sounds_between(_silences(media), probe.duration), 1)
    made_up = tuple(Segment(start, end, _stand_in(number, end - start)) for number, (start, end) in sounds)
    return Speech(made_up, "silence detection; the words are synthetic, no speech model was run", synthetic=True)


def parse_srt(text: str) -> tuple[Segment, ...]:
    """The cues of a SubRip file, each on one line and without markup."""
    cues = _CUE.findall(text.replace("\r\n", "\n"))
    found = (Segment(_seconds(start), _seconds(end), _plain(lines)) for start, end, lines in cues)
    return tuple(segment for segment in found if segment.text)


def sounds_between(log: str, duration: float) -> Iterator[tuple[float, float]]:
    """Start and end of each stretch of sound, from the log of ffmpeg's silencedetect; silence that has no end lasts."""
    starts, ends = ([float(at) for edge, at in _SILENCE.findall(log) if edge == which] for which in ("start", "end"))
    begin = 0.0
    for quiet_from, quiet_to in [*zip_longest(starts, ends, fillvalue=duration), (duration, duration)]:
        if quiet_from - begin >= SHORTEST_SOUND:
            yield round(begin, 3), round(quiet_from, 3)
        begin = quiet_to


def _captions(source: Path) -> tuple[Segment, ...]:
    """The first caption track, none where it cannot be read as text: then the sound decides."""
    try:
        srt = ffmpeg.run(source, "-map", "0:s:0", "-f", "srt", "pipe:1").stdout
    except ffmpeg.NotMedia:
        return ()
    return parse_srt(srt.decode(errors="replace"))


def _silences(media: Path) -> str:
    loudest = _LOUDEST.search(_filtered(media, "volumedetect"))
    floor = max((float(loudest[1]) if loudest else 0.0) - BELOW_LOUDEST_DB, QUIETEST_DB)
    return _filtered(media, f"silencedetect=noise={floor}dB:d={SHORTEST_SILENCE}")


def _filtered(media: Path, audio_filter: str) -> str:
    return ffmpeg.run(media, "-map", "0:a:0", "-af", audio_filter, "-f", "null", "-").log


def _stand_in(number: int, seconds: float) -> str:
    """As many words as fit, which nobody takes for what was said."""
    words = cycle(("synthetic", "words", "for", "sound", str(number)))
    return " ".join(islice(words, max(1, round(seconds * WORDS_A_SECOND)))).capitalize() + "."


def _plain(lines: str) -> str:
    return " ".join(_MARKUP.sub("", lines).split())


def _seconds(stamp: str) -> float:
    hours, minutes, seconds = stamp.replace(",", ".").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
