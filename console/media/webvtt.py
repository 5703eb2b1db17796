"""Write WebVTT captions from passages. Pure. Source: WebVTT, W3C, sections 4.1 and 4.2."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from headrace.schemas.safe_text import safe_text

SHORTEST_SECONDS = 0.5
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class TimedText(Protocol):
    """A text with its time in seconds."""

    @property
    def text(self) -> str:
        """The text."""
        ...

    @property
    def start(self) -> float | None:
        """Where it starts."""
        ...

    @property
    def end(self) -> float | None:
        """Where it ends."""
        ...


def captions(spoken: Iterable[TimedText]) -> str:
    """Return captions with a cue for each text that has a time."""
    cues = ["WEBVTT\n"]
    for each in spoken:
        if each.start is not None:
            end = max(each.end or 0.0, each.start + SHORTEST_SECONDS)
            text = safe_text(each.text).translate(_ESCAPES)
            cues.append(f"{_clock(each.start)} --> {_clock(end)}\n{text}\n")
    return "\n".join(cues)


def _clock(seconds: float) -> str:
    minutes, millis = divmod(round(seconds * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{millis // 1000:02}.{millis % 1000:03}"
