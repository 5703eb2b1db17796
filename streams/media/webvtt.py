"""Read WebVTT subtitles, and write them with other texts and the same times."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_CUE = re.compile(r"^(\S+ --> \S+.*)\n((?:.+\n?)+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Subtitles:
    """The time line of each cue with its settings, and the text of each cue in one line."""

    times: tuple[str, ...]
    texts: tuple[str, ...]

    def with_texts(self, texts: Sequence[str]) -> str:
        """Return WebVTT with other texts, one for each cue.

        Raises:
            ValueError: The number of texts differs from the number of cues.
        """
        cues = (f"{time}\n{text}\n" for time, text in zip(self.times, texts, strict=True))
        return "\n".join(["WEBVTT\n", *cues])


def cue_times(start: float, end: float) -> str:
    """Return the time line of a cue; times in seconds."""
    return f"{_timestamp(start)} --> {_timestamp(end)}"


def cue_text(text: str) -> str:
    """Return plain text as the text of a cue, with escaped markup."""
    return " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _timestamp(seconds: float) -> str:
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{milliseconds // 1000:02}.{milliseconds % 1000:03}"


def parse(text: str) -> Subtitles:
    """Parse WebVTT without styles, notes and cue identifiers. Source: W3C, "WebVTT"."""
    cues = _CUE.findall(text.replace("\r\n", "\n"))
    return Subtitles(tuple(time for time, _ in cues), tuple(" ".join(lines.split()) for _, lines in cues))
