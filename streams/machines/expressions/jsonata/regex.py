"""Regular expressions of JSONata, which must not match the empty string, and the replacement of their matches."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice

from headrace.streams.machines.expressions.jsonata.bounds import check_count
from headrace.streams.machines.expressions.jsonata.errors import coded_error
from headrace.streams.machines.expressions.patterns import LinearPattern, PatternMatch


class JsonataPattern(LinearPattern):
    """A pattern with the methods that the library calls."""

    __slots__ = ()

    def finditer(self, text: str) -> Iterator[PatternMatch]:
        """Yield the matches.

        Raises:
            EvaluationError: A match is empty.
        """
        for match in super().finditer(text):
            if match.start() == match.end():
                raise coded_error("D1004", "Regular expression matches zero length string")
            yield match

    def sub(self, replacement: Callable[[PatternMatch], str], text: str, count: int = 0) -> str:
        """Return the text with its matches replaced; `count` 0 means all.

        Raises:
            EvaluationError: The result is too large, or a match is empty.
        """
        parts, end, size = [], 0, len(text)
        for match in islice(self.finditer(text), count or None):
            parts += [text[end : match.start()], replacement(match)]
            end, size = match.end(), size + len(parts[-1])
            check_count(size)
        return "".join([*parts, text[end:]])

    def split(self, text: str, maxsplit: int = 0) -> list[str]:
        """Return the parts of the text between the matches."""
        parts, end = [], 0
        for match in islice(self.finditer(text), maxsplit or None):
            parts.append(text[end : match.start()])
            end = match.end()
        return [*parts, text[end:]]


_REFERENCE = re.compile(r"\$(\$|\d*)")


def expanded(template: str, match: PatternMatch) -> str:
    """Return a replacement with its references: `$0` is the match, `$1` its first group, `$$` a dollar sign.

    A reference has at most as many digits as the number of groups; further digits are text.
    """
    groups = match.groups()
    digits = len(str(max(len(groups), 1)))

    def value(reference: re.Match[str]) -> str:
        number = reference[1]
        if number in ("", "$"):
            return "$"
        used = number[:digits]
        if int(used) > len(groups) and len(used) > 1:
            used = used[:-1]
        group = match.group(int(used)) if int(used) <= len(groups) else ""
        return (group or "") + number[len(used) :]

    return _REFERENCE.sub(value, template)
