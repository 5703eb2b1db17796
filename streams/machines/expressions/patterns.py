"""Regular expressions, matched by RE2 in time proportional to the text.

Patterns come from definitions. A backtracking engine could stop a worker for hours; RE2 cannot, and it needs no clock,
so that the result is the same in each replay. It knows neither look-around nor back-references.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Protocol

import re2

from headrace.streams.machines.errors import DefinitionError
from headrace.streams.machines.expressions.deadline import Deadline

MAX_PATTERN = 1_000
MAX_SECONDS = 0.8


class PatternMatch(Protocol):
    """A match of a pattern."""

    def group(self, group: int = 0, /) -> str | None:
        """Return the text of a group."""

    def groups(self) -> tuple[str | None, ...]:
        """Return the texts of all groups."""

    def start(self) -> int:
        """Return the position of the first character."""

    def end(self) -> int:
        """Return the position after the last character."""


class PatternTimeoutError(Exception):
    """The search for all matches takes too long."""


class LinearPattern:
    """A compiled regular expression with the methods of `re.Pattern` that the expression libraries call.

    Raises:
        DefinitionError: The pattern is invalid or too large.
    """

    __slots__ = ("_compiled", "pattern")

    def __init__(self, pattern: str, *, ignore_case: bool = False, multiline: bool = False) -> None:
        flags = ("i" if ignore_case else "") + ("m" if multiline else "")
        self.pattern = pattern
        self._compiled = _compiled(f"(?{flags}:{pattern})" if flags else pattern)

    def search(self, text: str) -> PatternMatch | None:
        """Return the first match."""
        match: PatternMatch | None = self._compiled.search(text)
        return match

    def fullmatch(self, text: str) -> PatternMatch | None:
        """Return the match of the whole text."""
        match: PatternMatch | None = self._compiled.fullmatch(text)
        return match

    def finditer(self, text: str) -> Iterator[PatternMatch]:
        """Yield the matches.

        Raises:
            PatternTimeoutError: All matches together take more than `MAX_SECONDS`; each one is linear in the text.
        """
        deadline = Deadline(MAX_SECONDS)
        for match in self._compiled.finditer(text):
            if deadline.passed():
                raise PatternTimeoutError
            yield match


@lru_cache(256)
def _compiled(pattern: str) -> Any:
    if len(pattern) > MAX_PATTERN:
        raise DefinitionError(f"The regular expression has more than {MAX_PATTERN} characters.")
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.args[0].decode("utf-8", "replace") if isinstance(error, re2.error) else str(error)
        raise DefinitionError(f"The regular expression '{pattern}' is invalid: {reason}") from error
