"""WebVTT subtitles whose words change and whose times stay."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_CUE = re.compile(r"^(\S+ --> \S+.*)\n((?:.+\n?)+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Subtitles:
    """The lines of time of all cues with their settings, and the text of each in one line."""

    times: tuple[str, ...]
    texts: tuple[str, ...]

    def with_texts(self, texts: Sequence[str]) -> str:
        """Write them as WebVTT with other texts, one for each cue. Raises ValueError for another number."""
        cues = (f"{time}\n{text}\n" for time, text in zip(self.times, texts, strict=True))
        return "\n".join(["WEBVTT\n", *cues])


def parse(text: str) -> Subtitles:
    """Read WebVTT; styles, notes and the numbers of cues are left out. Source: W3C, "WebVTT"."""
    found = _CUE.findall(text.replace("\r\n", "\n"))
    return Subtitles(tuple(time for time, _ in found), tuple(" ".join(lines.split()) for _, lines in found))
