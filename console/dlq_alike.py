"""Reasons that are alike: what differs from letter to letter is folded to placeholders. Pure."""

from __future__ import annotations

import re

from headrace.console.dlq.sanitize import reason

LONGEST = 200

_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_FOLDS = (
    (re.compile(r"(?<!\w)(?:'[^']*'|\"[^\"]*\"|`[^`]*`)(?!\w)"), "<text>"),
    # An address; what begins at the root, has two slashes or ends in a file's name. `image/png` is none of these.
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


def alike(said: str) -> str:
    """Fold a reason: numbers, hexadecimal, quoted parts and paths become placeholders, and secrets are cut out."""
    said = reason(said)
    for pattern, instead in _FOLDS:
        said = pattern.sub(instead, said)
    return said if len(said) <= LONGEST else said[:LONGEST] + " ..."


def same_digits(said: bytes) -> bytes:
    """Write all digits alike, which is quick. What this makes the same, `alike` makes the same."""
    return said.translate(_DIGITS)
