"""The width of text in a picture, and texts cut to fit.

Secrets are redacted first: a part of one would no longer be recognised.
"""

from __future__ import annotations

import unicodedata

from headrace.schemas.safe_text import safe_text

NAME_PIXELS = 8.1
SMALL_PIXELS = 6.3
"""Mean width of a character of the fonts of names (13 px) and of details and labels (11 px)."""
MAX_NAME = 26
MAX_LINES = 2


def columns(text: str) -> int:
    """Return the width of a text in characters; those of East Asian scripts count twice."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def cut(text: str, width: int) -> str:
    """Return a text on one line, cut to a width in characters."""
    line = safe_text(" ".join(text.split()))
    if len(line) <= width and columns(line) <= width:
        return line
    line = line[: width - 1]
    while columns(line) > width - 1:
        line = line[:-1]
    return line + "…"


def name_lines(name: str) -> tuple[str, ...]:
    """Return a name in at most `MAX_LINES` lines, broken at spaces."""
    lines = [""]
    words = safe_text(" ".join(name.split())).split(" ")
    for word in words:
        longer = f"{lines[-1]} {word}".strip()
        if columns(longer) <= MAX_NAME or not lines[-1]:
            lines[-1] = longer
        elif len(lines) < MAX_LINES:
            lines.append(word)
        else:
            lines[-1] = longer
            break  # `cut` drops the rest
    return tuple(cut(line, MAX_NAME) for line in lines)
