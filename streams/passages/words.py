"""The words of a text. Languages that are written without spaces have one word per character. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST_WORD = 40
"""Characters of a word that count."""

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|(?:[^\W_{_UNSPACED}][\u0300-\u036f]*)+")


@dataclass(frozen=True, slots=True)
class TextWord:
    """A word at a position of a text: its lower-case form, and the characters from `begin` up to `end`."""

    text: str
    begin: int
    end: int


def words(text: str) -> Iterator[TextWord]:
    """Yield the words of a text, in order."""
    for match in _WORD.finditer(text):
        yield TextWord(match[0][:LONGEST_WORD].lower(), match.start(), match.end())


def lower_words(text: str) -> list[str]:
    """Return the words of a text in lower case, without their positions."""
    return [word[:LONGEST_WORD].lower() for word in _WORD.findall(text)]


def count_words(text: str) -> int:
    """Return the number of words of a text."""
    return len(_WORD.findall(text))
