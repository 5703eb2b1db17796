"""Templates of input transformers: text with variables, `<name>`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from headrace.schemas.parsing import InvalidValueError, parse_json

_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.-]+)>")


class TemplatePart(NamedTuple):
    """A part of a template: text, then a variable; `quoted` if it is inside quotes. The last has no variable."""

    text: str
    variable: str = ""
    quoted: bool = False


@lru_cache(1024)
def is_json(template: str) -> bool:
    """Return whether a template is JSON, or a sequence of JSON values, once its variables are replaced by null."""
    plain = "".join([part.text + ("null" if part.variable else "") for part in segments(template)])
    return is_json_sequence(plain)


def placeholders(template: str) -> list[str]:
    """Return the names of the variables of a template, in its order."""
    return _PLACEHOLDER.findall(template)


@lru_cache(1024)
def segments(template: str) -> tuple[TemplatePart, ...]:
    """Split a template at its variables."""
    return tuple(_segments(template))


def _segments(template: str) -> Iterator[TemplatePart]:
    inside, begin = False, 0
    for placeholder in _PLACEHOLDER.finditer(template):
        text = template[begin : placeholder.start()]
        inside = _ends_inside_quotes(text, inside)
        yield TemplatePart(text, placeholder[1], inside)
        begin = placeholder.end()
    yield TemplatePart(template[begin:])


def _ends_inside_quotes(text: str, inside: bool) -> bool:
    escaped = False
    for char in text:
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = inside
        elif char == '"':
            inside = not inside
    return inside


def is_json_sequence(text: str) -> bool:
    """Return whether a text is one JSON value, or several on lines of their own."""
    lines = [line for line in text.split("\n") if line.strip()]
    return bool(lines) and (_is_json_value(text) or all(map(_is_json_value, lines)))


def _is_json_value(text: str) -> bool:
    try:
        parse_json(text)
    except InvalidValueError:
        return False
    return True
