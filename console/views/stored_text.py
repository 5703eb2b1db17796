r"""Texts as they are stored: without NUL, which PostgreSQL rejects.

NUL becomes `\x01\x01`, and `\x01` becomes `\x01\x02`. The mapping is reversible, and stored texts sort as the texts do.
"""

from __future__ import annotations


def to_stored(text: str) -> str:
    """Return the stored form of a text."""
    if "\x00" not in text and "\x01" not in text:
        return text
    return text.replace("\x01", "\x01\x02").replace("\x00", "\x01\x01")


def texts_to_stored(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the stored form of several texts. Most need no change, and are searched together."""
    joined = "".join(texts)
    if "\x00" not in joined and "\x01" not in joined:
        return texts
    return tuple(map(to_stored, texts))


def from_stored(stored: str) -> str:
    """Return the text of its stored form."""
    if "\x01" not in stored:
        return stored
    return stored.replace("\x01\x01", "\x00").replace("\x01\x02", "\x01")
