"""Split the text of a JSONPath into its root and its segments.

    root       $ (input), $$ (context object) or $name (variable)
    segment    .name, ['name'], ['a', 'b'], [0], [0, 2], [1:3], [*], .*, ..name, ..[..], [?(..)] or .function()

A backslash in a dotted name makes the next character literal: `$.store\\.book` has one segment. A name in brackets
is literal except for an escaped quote.
Sources: Amazon States Language specification, "Paths"; Jayway JsonPath's documentation.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from headrace.streams.machines.errors import DefinitionError

MAX_LENGTH = 10_000
MAX_SEGMENTS = 500

SegmentKind = Literal["property", "properties", "index", "indices", "slice", "wildcard", "filter", "function"]


class PathSegment(NamedTuple):
    """One step of a path. `scan` applies it to a value and everything inside it."""

    kind: SegmentKind
    value: str | int | tuple[str, ...] | tuple[int, ...] | tuple[int | None, int | None] | None
    scan: bool = False

    @property
    def definite(self) -> bool:
        """Whether the segment names one member or element."""
        return self.kind in ("property", "index") and not self.scan


class ParsedPath(NamedTuple):
    """A path: `root` is `$`, `$$`, or the name of a variable."""

    root: str
    segments: tuple[PathSegment, ...]


_ROOT = re.compile(r"\$(\$|[^\W\d]\w*)?")
_NAME = re.compile(r"(?:\\.|[^\\.\[\]()*,?'\"\s])+", re.DOTALL)
_FUNCTION = re.compile(r"([A-Za-z]+)\(\s*\)")
_QUOTED = re.compile(r"""\s*(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)")\s*""", re.DOTALL)
_INTEGERS = re.compile(r"\s*-?\d{1,10}\s*(?:,\s*-?\d{1,10}\s*)*")
_SLICE = re.compile(r"\s*(-?\d{1,10})?\s*:\s*(-?\d{1,10})?\s*")
_WILDCARD = re.compile(r"\s*\*\s*")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED_QUOTE = re.compile(r"\\(['])")


def parse_path(text: str) -> ParsedPath:
    """Return the root and the segments of a path.

    Raises:
        DefinitionError: The text is not a path.
    """
    root = _ROOT.match(text)
    if root is None:
        raise DefinitionError(f"The path '{_shortened(text)}' must start with '$'.")
    if len(text) > MAX_LENGTH:
        raise DefinitionError(f"The path '{_shortened(text)}' has more than {MAX_LENGTH} characters.")
    segments, position = [], root.end()
    while position < len(text):
        segment, position = _segment(text, position)
        segments.append(segment)
        if len(segments) > MAX_SEGMENTS:
            raise DefinitionError(f"The path '{_shortened(text)}' has more than {MAX_SEGMENTS} segments.")
    if any(segment.kind == "function" for segment in segments[:-1]):
        raise DefinitionError(f"The path '{_shortened(text)}' has segments after a function.")
    return ParsedPath(root[1] if root[1] and root[1] != "$" else root[0], tuple(segments))


def _segment(text: str, position: int) -> tuple[PathSegment, int]:
    """Return the segment that starts at a position, and its end."""
    scan = text.startswith("..", position)
    after = position + (2 if scan else text.startswith(".", position))
    if text.startswith("[", after):
        return _bracket(text, after, scan=scan)
    if after == position:
        raise _invalid(text, position)
    if text.startswith("*", after):
        return PathSegment("wildcard", None, scan), after + 1
    function = _FUNCTION.match(text, after)
    if function is not None:
        return PathSegment("function", function[1], scan), function.end()
    name = _NAME.match(text, after)
    if name is None:
        raise _invalid(text, after)
    return PathSegment("property", _ESCAPED.sub(r"\1", name[0]), scan), name.end()


def _bracket(text: str, start: int, *, scan: bool) -> tuple[PathSegment, int]:
    """Return the segment in brackets that starts at a position, and its end."""
    inside = start + 1
    if re.compile(r"\s*\?").match(text, inside):
        end = _closing_bracket(text, start)
        return PathSegment("filter", text[inside:end].strip(), scan), end + 1
    for pattern, kind in ((_WILDCARD, "wildcard"), (_SLICE, "slice"), (_INTEGERS, "indices")):
        match = pattern.match(text, inside)
        if match is not None and text.startswith("]", match.end()):
            return _subscript(kind, match, scan=scan), match.end() + 1
    return _names(text, inside, scan=scan)


def _subscript(kind: str, match: re.Match[str], *, scan: bool) -> PathSegment:
    if kind == "wildcard":
        return PathSegment("wildcard", None, scan)
    if kind == "slice":
        start, end = (int(bound) if bound else None for bound in match.groups())
        return PathSegment("slice", (start, end), scan)
    indices = tuple(map(int, match[0].split(",")))
    return PathSegment("index", indices[0], scan) if len(indices) == 1 else PathSegment("indices", indices, scan)


def _names(text: str, position: int, *, scan: bool) -> tuple[PathSegment, int]:
    """Return the segment of quoted names in brackets, and its end."""
    names: list[str] = []
    while True:
        match = _QUOTED.match(text, position)
        if match is None:
            raise _invalid(text, position)
        names.append(_ESCAPED_QUOTE.sub(r"\1", match[1]) if match[1] is not None else match[2])
        position = match.end()
        if text.startswith("]", position):
            break
        if not text.startswith(",", position):
            raise _invalid(text, position)
        position += 1
    segment = (
        PathSegment("property", names[0], scan) if len(names) == 1 else PathSegment("properties", tuple(names), scan)
    )
    return segment, position + 1


_IN_BRACKETS = re.compile(
    r"""=~\s*/(?:\\.|[^/\\])*/ | '(?:\\.|[^'\\])*' | "(?:\\.|[^"\\])*" | [\[\]] | [^'"\[\]=]+ | .""",
    re.VERBOSE | re.DOTALL,
)


def _closing_bracket(text: str, start: int) -> int:
    """Return the position of the bracket that closes the one at `start`, past strings and regular expressions."""
    depth = 0
    for token in _IN_BRACKETS.finditer(text, start):
        depth += (token[0] == "[") - (token[0] == "]")
        if depth == 0:
            return token.start()
    raise _invalid(text, start)


def _invalid(text: str, position: int) -> DefinitionError:
    return DefinitionError(f"The path '{_shortened(text)}' is invalid at character {position + 1}.")


def _shortened(text: str) -> str:
    return text if len(text) <= 200 else text[:200] + "..."
