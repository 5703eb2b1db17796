"""Draw state machines, as SVG and as text. The definition need not be valid: what cannot be drawn is left out."""

from __future__ import annotations

from typing import Any

from headrace.streams.machines.drawing.flowchart import flowchart
from headrace.streams.machines.drawing.layout import lay_out
from headrace.streams.machines.drawing.outline import draw_text
from headrace.streams.machines.drawing.picture_style import RULES
from headrace.streams.machines.drawing.ranks import DrawingError
from headrace.streams.machines.drawing.svg import Links, Marks, MarkStatus, StateMark, draw_element, draw_svg

__all__ = [
    "RULES",
    "DrawingError",
    "Links",
    "MarkStatus",
    "Marks",
    "StateMark",
    "machine_element",
    "machine_svg",
    "machine_text",
]


def machine_svg(definition: dict[str, Any], marks: Marks | None = None) -> str:
    """Return a definition as an SVG document. `marks` colours its states, by name.

    Raises:
        DrawingError: The machine is too large.
    """
    return draw_svg(lay_out(flowchart(definition)), _title(definition), marks)


def machine_element(definition: dict[str, Any], marks: Marks, links: Links) -> str:
    """Return a definition as an SVG element of an HTML page whose stylesheets have `RULES`.

    Raises:
        DrawingError: The machine is too large.
    """
    return draw_element(lay_out(flowchart(definition)), _title(definition), marks, links)


def machine_text(definition: dict[str, Any]) -> str:
    """Return a definition as text."""
    return draw_text(flowchart(definition))


def _title(definition: dict[str, Any]) -> str:
    comment = definition.get("Comment")
    return comment if isinstance(comment, str) else "State machine"
