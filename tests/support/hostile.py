"""Hostile text: invisible characters, terminal sequences, markup and secrets, as keys, reasons and names carry them."""

from __future__ import annotations

import unicodedata

from headrace.schemas.secret_patterns import PATTERNS

INVISIBLE = (
    "\0", "\a", "\b", "\t", "\n", "\v", "\f", "\r", "\x1b", "\x7f", "\x85", "\x9b", "\x9d", "\xa0", "\xad",
    "\u034f", "\u061c", "\u115f", "\u180e", "\u200b", "\u200d", "\u200e", "\u2028", "\u2029", "\u202a", "\u202e",
    "\u2060", "\u2066", "\u2069", "\u2800", "\u3000", "\u3164", "\ud800", "\udfff", "\ue000", "\ufe0f", "\ufeff",
    "\uffa0", "\ufff9", "\U000e0041", "\U000e0100", "\U0010ffff",
)  # fmt: skip
"""Controls, separators, bidirectional, zero-width, private, surrogate and unassigned characters."""

SECRETS = tuple(
    example.replace("«", "").replace("»", "") for kind in PATTERNS for example in kind.examples if "CANARY" in example
)
"""Texts with secrets. Each secret contains `CANARY`."""

SEQUENCES = (
    "\x1b[2J\x1b[31mred",  # clear the screen
    "\x1b]52;c;Y2FuYXJ5\x07",  # write to the clipboard
    "\x9b31mred",  # the same sequence, as a C1 control
    "a\r\nFORGED line",
    "a\u2028FORGED line",
    "evil\u202egpj.exe",
    "[/nothing] [bold] [link=http://h]x[/link] :smile:",
    "\ud800 lone",
    "".join(INVISIBLE),
)

HOSTILE = (*SEQUENCES, *SECRETS)


def assert_visible(text: str) -> None:
    """Assert that output in lines has neither invisible characters nor secrets, and no line that a key started."""
    hidden = {char for char in text if char != "\n" and not char.isprintable()} | (
        set(text) & set(INVISIBLE[1:]) - {"\n"}
    )
    assert not hidden, [(ascii(char), unicodedata.name(char, "")) for char in hidden]
    assert "CANARY" not in text, text
    assert not [line for line in text.split("\n") if line.startswith("FORGED")]
