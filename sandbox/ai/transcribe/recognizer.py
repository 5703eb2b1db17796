"""Recognise English words with PocketSphinx, an optional extra.

`python -m headrace.sandbox.ai.transcribe.recognizer` reads audio from standard input and prints words as JSON.
It is a separate process, because PocketSphinx holds the GIL for more than half of the audio's duration.
The model is small and often wrong.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from headrace.sandbox.ai.framework import ffmpeg

SAMPLE_RATE = 16_000
FRAMES_A_SECOND = 100
MAX_SECONDS = 600.0
TIMEOUT_SECONDS = 1200.0


@dataclass(frozen=True, slots=True)
class Word:
    """A recognised word; times in seconds, confidence from 0 to 1."""

    start: float
    end: float
    text: str
    sure: float


def engine() -> str:
    """Return the name of the recogniser; empty if it is not installed."""
    if util.find_spec("pocketsphinx") is None:
        return ""
    return f"pocketsphinx {metadata.version('pocketsphinx')}, a small model for English"


def words(media: Path) -> tuple[Word, ...]:
    """Return the English words of a media file; empty after a timeout."""
    form = ("-ac", "1", "-ar", str(SAMPLE_RATE), "-f", "s16le", "pipe:1")
    sound = ffmpeg.run(media, "-map", "0:a:0", *form).stdout
    command = [sys.executable, "-m", __name__]
    try:
        done = subprocess.run(command, input=sound, capture_output=True, timeout=TIMEOUT_SECONDS, check=True)
    except subprocess.SubprocessError:
        return ()
    return tuple(Word(*fields) for fields in json.loads(done.stdout))


def main() -> None:
    """Recognise standard input: 16-bit samples, one channel."""
    import pocketsphinx

    decoder = pocketsphinx.Decoder(samprate=SAMPLE_RATE, loglevel="FATAL")
    decoder.start_utt()
    decoder.process_raw(sys.stdin.buffer.read(), full_utt=True)
    decoder.end_utt()
    found = [
        (one.start_frame / FRAMES_A_SECOND, (one.end_frame + 1) / FRAMES_A_SECOND, spoken(one.word), min(one.prob, 1.0))
        for one in decoder.seg()
        if spoken(one.word)
    ]
    sys.stdout.write(json.dumps(found))


def spoken(word: str) -> str:
    """Return the spelling of a dictionary word, `and` for `and(2)`; empty for silence and noise."""
    return "" if word[0] in "<[+" else word.partition("(")[0]


if __name__ == "__main__":
    main()
