"""Match strings against patterns with `*`, for `StringMatches`."""

from __future__ import annotations

from functools import lru_cache

from headrace.streams.machines.errors import RUNTIME, StatesError


class WildcardPattern:
    """A pattern in which `*` matches any number of characters; `\\*` and `\\\\` are literals.

    Matching searches each literal between two wildcards once.
    """

    __slots__ = ("_literals",)

    def __init__(self, text: str) -> None:
        self._literals = _literals(text)

    def matches(self, value: str) -> bool:
        """Return whether the whole value matches."""
        first, *between = self._literals
        if not between:
            return value == first
        last = between.pop()
        if len(value) < len(first) + len(last) or not value.startswith(first) or not value.endswith(last):
            return False
        start, end = len(first), len(value) - len(last)
        for literal in between:
            position = value.find(literal, start, end)
            if position < 0:
                return False
            start = position + len(literal)
        return True


@lru_cache(1024)
def wildcard_pattern(text: str) -> WildcardPattern:
    """Return the compiled pattern.

    Raises:
        StatesError: A backslash escapes another character, or nothing. The service does not check it earlier.
    """
    return WildcardPattern(text)


def _literals(text: str) -> list[str]:
    """Return the literals between the wildcards: one more than there are wildcards."""
    parts: list[list[str]] = [[]]
    characters = iter(text)
    for character in characters:
        if character == "*":
            parts.append([])
        elif character != "\\":
            parts[-1].append(character)
        else:
            escaped = next(characters, "")
            if escaped not in ("*", "\\"):
                raise StatesError(RUNTIME, f"The StringMatches pattern '{text}' has an open escape character.")
            parts[-1].append(escaped)
    return ["".join(part) for part in parts]
