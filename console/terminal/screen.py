"""The rich console: tables and styled text without secrets, markup and invisible characters.

The only module that knows rich, with `progress_bar`. A text that is displayed is never parsed as markup.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich import console as rich_console
from rich import text as rich_text
from rich.columns import Columns
from rich.segment import Segment
from rich.table import Column, Table

from headrace.schemas.safe_text import escape, safe_text

__all__ = ["Column", "Columns", "Console", "Table", "Text"]


class Text(rich_text.Text):
    """Styled safe text: one line."""

    def __init__(self, text: str = "", style: str = "", **options: Any) -> None:
        super().__init__(safe_text(text), style, **options)

    def append(self, text: Any, style: Any = None) -> rich_text.Text:
        """Append safe text."""
        return super().append(safe_text(text) if isinstance(text, str) else text, style)


class Console(rich_console.Console):
    """A rich console that displays texts as they are: no markup, no emoji codes, no highlighting."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "markup": False, "emoji": False, "highlight": False})

    def render_str(self, text: str, **options: Any) -> rich_text.Text:
        """Make a text safe. Every text of a table, list or line comes through here before it is measured."""
        return super().render_str(safe_text(text), **{**options, "markup": False, "emoji": False, "highlight": False})

    def render(self, renderable: Any, options: Any = None) -> Iterable[Segment]:
        """Render, and escape what came another way."""
        for segment in super().render(renderable, options):
            yield segment if segment.control or _is_visible(segment.text) else _escaped(segment)


def _is_visible(text: str) -> bool:
    return text == "\n" or (text.isascii() and text.isprintable())


def _escaped(segment: Segment) -> Segment:
    return segment._replace(text="\n".join(map(escape, segment.text.split("\n"))))
