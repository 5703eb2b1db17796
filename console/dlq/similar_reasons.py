"""Group similar reasons of dead letters: replace their variable parts by placeholders. Pure."""

from __future__ import annotations

import re

from headrace.console.dlq.sanitize import reason

MAX_REASON_CHARACTERS = 200


_DIGITS = bytes.maketrans(b"123456789", b"000000000")


_FOLDS = (
    (re.compile(r"(?<!\w)(?:'[^']*'|\"[^\"]*\"|`[^`]*`)(?!\w)"), "<text>"),
    # URLs, and paths that start at the root, have two slashes or end in a file name. `image/png` is no path.
    (re.compile(r"(?<![\w/])[\w+.-]+://\S+"), "<path>"),
    (
        re.compile(
            r"(?<![\w/.-])(?:[.~]{0,2}/)(?:[\w.@+%~-]+/?)+|(?<![\w/.-])[\w.@+%~-]+/(?:[\w.@+%~-]+/)+[\w.@+%~-]*"
        ),
        "<path>",
    ),
    (re.compile(r"(?<![\w/.-])[\w.@+%~-]+/[\w.@+%~-]+\.\w{1,5}\b"), "<path>"),
    (re.compile(r"(?i)\b(?:\dx[0-9a-f]{3,}|(?=[a-f-]*\d)[0-9a-f]{8,}(?:-[0-9a-f]{4,})*)\b"), "<hex>"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "<n>"),
)


def normalize_reason(message: str) -> str:
    """Replace numbers, hexadecimal, quoted parts, paths and secrets of a reason by placeholders."""
    message = reason(message)
    for pattern, instead in _FOLDS:
        message = pattern.sub(instead, message)
    return message if len(message) <= MAX_REASON_CHARACTERS else message[:MAX_REASON_CHARACTERS] + " ..."


def same_digits(message: bytes) -> bytes:
    """Replace all digits by 0. Fast; reasons equal after this are equal after `normalize_reason`."""
    return message.translate(_DIGITS)
