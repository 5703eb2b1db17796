"""Arguments of commands, as values of conditions."""

from __future__ import annotations

from headrace.console.views.stored_text import to_stored


def stored_argument(text: str) -> str:
    """Return the stored form of an argument. Bytes that are not UTF-8 are replaced, as in keys of the log."""
    return to_stored(text.encode("utf-8", "surrogateescape").decode(errors="replace"))
