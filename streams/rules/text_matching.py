"""How texts are compared: with wildcards, and without regard to case.

Source: Amazon EventBridge User Guide, "Comparison operators for use in event patterns"; what it leaves open is decided
as aws/event-ruler decides it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

MOST_WILDCARDS = 5
"""EventBridge refuses a pattern that is too complex for it, and publishes no number. It refuses six wildcards."""


class Glob:
    """A text with `*` for any number of characters, none included; `\\*` and `\\\\` stand for themselves.

    Takes time in proportion to the text, whatever the wildcards: what lies between two of them is looked for once.
    Raises ValueError, in words, for what cannot be one.
    """

    __slots__ = ("_between", "first", "last", "literals", "matches")

    def __init__(self, text: str) -> None:
        self.literals = _literals(text)
        if len(self.literals) - 1 > MOST_WILDCARDS:
            raise ValueError(f"too complex: {len(self.literals) - 1} wildcards, at most {MOST_WILDCARDS}")
        self.first, self.last = self.literals[0], self.literals[-1]
        self._between = self.literals[1:-1]
        ways = (self.first.__eq__, self._around, self._around_one)
        self.matches: Callable[[str], bool] = dict(enumerate(ways)).get(len(self.literals) - 1, self._around_several)
        """Whether a whole value is of this form."""

    def _around(self, value: str) -> bool:
        first, last = self.first, self.last
        return value.endswith(last) and value.startswith(first) and len(value) >= len(first) + len(last)

    def _around_one(self, value: str) -> bool:
        first, last = self.first, self.last
        return (
            value.endswith(last)
            and value.startswith(first)
            and value.find(self._between[0], len(first), len(value) - len(last)) >= 0
        )

    def _around_several(self, value: str) -> bool:
        if not self._around(value):
            return False
        at, end = len(self.first), len(value) - len(self.last)
        for literal in self._between:
            found = value.find(literal, at, end)
            if found < 0:
                return False
            at = found + len(literal)
        return True


def _literals(text: str) -> tuple[str, ...]:
    """Give what stands between the wildcards: one text more than there are wildcards."""
    parts, position = [""], 0
    while position < len(text):
        char = text[position]
        if char == "*":
            if text[position + 1 : position + 2] == "*":
                raise ValueError("two wildcards beside each other")
            parts.append("")
        elif char == "\\":
            position += 1
            if text[position : position + 1] not in ("*", "\\"):
                raise ValueError("a backslash may stand before * and \\ only")
            parts[-1] += text[position]
        else:
            parts[-1] += char
        position += 1
    return tuple(parts)


def folded(text: str) -> str:
    """Give the same for texts that differ in case alone; others may give the same, too."""
    return text.upper().lower()


class AnyCase:
    """A text of which each character may be the upper or the lower one of it; `ß` may be `SS`."""

    __slots__ = ("_form", "key", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.key = folded(text)
        self._form = None if text.isascii() else re.compile("".join(map(_either, text)))

    def equals(self, value: str) -> bool:
        """Whether the value is this text."""
        if self._form is not None:
            return self._form.fullmatch(value) is not None
        return len(value) == len(self.text) and value.isascii() and value.lower() == self.key

    def begins(self, value: str) -> bool:
        """Whether the value begins with this text."""
        if self._form is not None:
            return self._form.match(value) is not None
        return self.equals(value[: len(self.text)])

    def ends(self, value: str) -> bool:
        """Whether the value ends in this text."""
        if self._form is not None:
            return _at_the_end(self._form.pattern).search(value) is not None
        return len(value) >= len(self.text) and self.equals(value[len(value) - len(self.text) :])


def _either(char: str) -> str:
    lower, upper = char.lower(), char.upper()
    return f"(?:{re.escape(lower)}|{re.escape(upper)})" if lower != upper else re.escape(lower)


@lru_cache(256)
def _at_the_end(form: str) -> re.Pattern[str]:
    return re.compile(form + r"\Z")
