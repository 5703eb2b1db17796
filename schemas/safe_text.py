"""Make external text safe to display, to log and to put into headers: no secret, no invisible character. Pure.

Everything that Headrace displays goes through this module: object keys, reasons, names and errors are written by
others. Text is displayed in lines of visible characters. JSON keeps its data exact, except for secrets.

Sources: Unicode Standard Annex 9 (bidirectional controls), Unicode Technical Report 36 (security considerations),
Unicode Character Database, property Default_Ignorable_Code_Point; ECMA-48 (C0 and C1 controls).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from headrace.schemas.ids import token_stage
from headrace.schemas.redaction import LONGEST_TEXT, NAMED_LIKE_A_SECRET, PLACEHOLDER, SHORT_NAME, redact, redact_name

# Printable in the sense of `str.isprintable`, although they have no shape of their own.
_SHAPELESS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U0001d159\U000e0100-\U000e01ef]"
)
LONGEST_REASON = 1000
"""Characters of a reason on a topic."""

_COUNT = re.compile(r"tokens$", re.IGNORECASE)
_NAME_FIELDS = ("name", "Name", "key", "Key")
_VALUE_FIELDS = ("value", "Value")


def safe_text(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return a text for one line of a terminal, a log or a header: redacted, invisible characters escaped."""
    return escape(redact(text, longest))


def header_text(text: str, longest: int = LONGEST_REASON) -> str:
    """Return a text for a header or an event on a topic: safe, and at most `longest` characters long."""
    return safe_text(text, longest)[:longest]


def escape(text: str) -> str:
    r"""Escape invisible characters as Python does: `\n`, `\x1b`, `\u202e`. A backslash stays as it is.

    Controls, line separators, bidirectional and zero-width characters, spaces other than U+0020, lone surrogates and
    unassigned characters are invisible.
    """
    if not text.isprintable():
        text = "".join(char if char.isprintable() else _escaped(char) for char in text)
    return _SHAPELESS.sub(lambda match: _escaped(match[0]), text)


def safe_json(document: Any, indent: int | None = None) -> str:
    """Return JSON in ASCII without secrets. Other data is exact."""
    return json.dumps(redact_data(document), indent=indent)


def redact_data(document: Any) -> Any:
    """Return JSON data without secrets. Values with the name of a secret become placeholders, also whole lists.

    Bytes, exceptions and other objects become text.
    """
    match document:
        case str():
            return redact(document)
        case None | bool() | int():
            return document
        case Mapping():
            return _redact_mapping(document)
        case [str(name), str()] if NAMED_LIKE_A_SECRET.search(name) and " " not in name:  # a header
            return [name, _redact_named(name, document[1])]
        case list() | tuple():
            return [redact_data(each) for each in document]
        case float() if not math.isfinite(document):
            return str(document)  # JSON has no such number
        case float():
            return document
        case bytes():
            return redact(document.decode(errors="backslashreplace"))
    return redact(str(document))


def is_secret_name(name: str) -> bool:
    """Whether a header, field or variable with this name holds a secret. The answers for short names are kept."""
    return _short_is_secret(name) if len(name) <= SHORT_NAME else NAMED_LIKE_A_SECRET.search(name) is not None


@lru_cache(1_024)
def _short_is_secret(name: str) -> bool:
    return NAMED_LIKE_A_SECRET.search(name) is not None


def _redact_mapping(document: Mapping[Any, Any]) -> dict[str, Any]:
    redacted = {redact_name(str(name)): _redact_named(str(name), value) for name, value in document.items()}
    names = [document[field] for field in _NAME_FIELDS if isinstance(document.get(field), str)]
    if any(map(is_secret_name, names)):  # {"name": "Authorization", "value": "..."}
        redacted |= {field: _hidden(document[field]) for field in _VALUE_FIELDS if field in document}
    return redacted


def _redact_named(name: str, value: Any) -> Any:
    """Redact a named value. A job token is an idempotency key, and a number of tokens is a count: neither is secret."""
    if not is_secret_name(name) or (isinstance(value, str) and token_stage(value)):
        return redact_data(value)
    is_count = isinstance(value, int | float) and _COUNT.search(name)
    return value if is_count else _hidden(value)


def _hidden(value: Any) -> Any:
    """Return the placeholder of a value; a value that is empty, true or false is none."""
    return value if not value or value is True else PLACEHOLDER


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
