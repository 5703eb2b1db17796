"""Compare strings with wildcards and without regard to case.

Sources: Amazon EventBridge User Guide, "Comparison operators for use in event patterns"; aws/event-ruler where the
guide does not specify the behaviour.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

MAX_WILDCARDS = 5
"""EventBridge rejects complex patterns without a published limit. It rejects six wildcards."""


class Glob:
    """A wildcard expression: `*` matches zero or more characters; `\\*` and `\\\\` are literals.

    Matching takes time proportional to the value: each literal between two wildcards is searched once.

    Raises:
        ValueError: The expression is invalid.
    """

    __slots__ = ("_between", "first", "last", "literals", "matches")

    def __init__(self, text: str) -> None:
        self.literals = _literals(text)
        if len(self.literals) - 1 > MAX_WILDCARDS:
            raise ValueError(f"too complex: {len(self.literals) - 1} wildcards, at most {MAX_WILDCARDS}")
        self.first, self.last = self.literals[0], self.literals[-1]
        self._between = self.literals[1:-1]
        matchers = (self.first.__eq__, self._one_wildcard, self._two_wildcards)
        wildcards = len(self.literals) - 1
        self.matches: Callable[[str], bool] = dict(enumerate(matchers)).get(wildcards, self._many_wildcards)
        """Return whether a whole value matches."""

    def _one_wildcard(self, value: str) -> bool:
        first, last = self.first, self.last
        return value.endswith(last) and value.startswith(first) and len(value) >= len(first) + len(last)

    def _two_wildcards(self, value: str) -> bool:
        first, last = self.first, self.last
        return (
            value.endswith(last)
            and value.startswith(first)
            and value.find(self._between[0], len(first), len(value) - len(last)) >= 0
        )

    def _many_wildcards(self, value: str) -> bool:
        if not self._one_wildcard(value):
            return False
        start, end = len(self.first), len(value) - len(self.last)
        for literal in self._between:
            position = value.find(literal, start, end)
            if position < 0:
                return False
            start = position + len(literal)
        return True


def _literals(text: str) -> tuple[str, ...]:
    """Return the literals between the wildcards: one more than there are wildcards."""
    parts, position = [""], 0
    while position < len(text):
        char = text[position]
        if char == "*":
            if text[position + 1 : position + 2] == "*":
                raise ValueError("two wildcards in a row")
            parts.append("")
        elif char == "\\":
            position += 1
            if text[position : position + 1] not in ("*", "\\"):
                raise ValueError("a backslash escapes only * and \\")
            parts[-1] += text[position]
        else:
            parts[-1] += char
        position += 1
    return tuple(parts)


def folded(text: str) -> str:
    """Return a case-folded key: equal for strings that differ in case only, and possibly for others."""
    return text.upper().lower()


class AnyCase:
    """A string that matches in upper and lower case; `ß` matches `SS`."""

    __slots__ = ("_regex", "key", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.key = folded(text)
        self._regex = None if text.isascii() else re.compile("".join(map(_either, text)))

    def equals(self, value: str) -> bool:
        """Return whether the value equals the text."""
        if self._regex is not None:
            return self._regex.fullmatch(value) is not None
        return len(value) == len(self.text) and value.isascii() and value.lower() == self.key

    def begins(self, value: str) -> bool:
        """Return whether the value starts with the text."""
        if self._regex is not None:
            return self._regex.match(value) is not None
        return self.equals(value[: len(self.text)])

    def ends(self, value: str) -> bool:
        """Return whether the value ends with the text."""
        if self._regex is not None:
            return _anchored_at_end(self._regex.pattern).search(value) is not None
        return len(value) >= len(self.text) and self.equals(value[len(value) - len(self.text) :])


def _either(char: str) -> str:
    lower, upper = char.lower(), char.upper()
    return f"(?:{re.escape(lower)}|{re.escape(upper)})" if lower != upper else re.escape(lower)


@lru_cache(256)
def _anchored_at_end(regex: str) -> re.Pattern[str]:
    return re.compile(regex + r"\Z")
