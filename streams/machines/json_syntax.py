"""Describe errors in JSON as Jackson, the parser of AWS, describes them."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

_JSON = "JSON String, Number, Array, Object or token 'null', 'true' or 'false'"
_WORD = re.compile(r"[A-Za-z_$][\w$]*")
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_EXPECTED = {
    "Expecting value": f"expected a valid value ({_JSON})",
    "Expecting property name enclosed in double quotes": "was expecting double-quote to start field name",
    "Expecting ':' delimiter": "was expecting a colon to separate field name and value",
    "Expecting ',' delimiter": "was expecting comma to separate entries",
    "Extra data": "was expecting the end of the document",
}


class JsonSyntaxError(NamedTuple):
    """An error in a JSON text. `at` is the index of what Jackson could not read, `end` that of what follows it."""

    text: str
    message: str
    at: int
    end: int
    opened: int | None = None
    """The index of the bracket that the end of the text leaves open."""

    def place(self, index: int) -> str:
        """Return the line and the column of an index, counted from 1."""
        line = self.text.count("\n", 0, index) + 1
        return f"line: {line}, column: {index - self.text.rfind(chr(10), 0, index)}"


def syntax_error(error: json.JSONDecodeError) -> JsonSyntaxError:
    """Return what Jackson says about a text that Python does not read."""
    text = error.doc
    at = len(text) - len(text[error.pos :].lstrip())
    word = _WORD.match(text, at)
    if at >= len(text):
        return JsonSyntaxError(text, "Unexpected end-of-input", at, at, _open_bracket(text))
    if error.msg.startswith(("Unterminated string", "Invalid control", "Invalid \\")):
        return JsonSyntaxError(text, f"Invalid string: {error.msg}", error.pos, error.pos)
    if word and error.msg.startswith("Expecting value"):
        message = f"Unrecognized token '{word[0]}': was expecting ({_JSON})"
        return JsonSyntaxError(text, message, word.end(), word.end())
    message = f"Unexpected character ('{text[at]}' (code {ord(text[at])})): {_EXPECTED.get(error.msg, error.msg)}"
    return JsonSyntaxError(text, message, at, at + 1)


def _open_bracket(text: str) -> int | None:
    opened: list[int] = []
    for token in _STRING_OR_BRACKET.finditer(text):
        if token[0] in "[{":
            opened.append(token.start())
        elif token[0] in "]}" and opened:
            opened.pop()
    return opened[-1] if opened else None
