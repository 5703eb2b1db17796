"""Draw state machines, as SVG and as text. The definition need not be valid: what cannot be drawn is left out."""

from __future__ import annotations

from typing import Any

from headrace.streams.machines.drawing.flowchart import flowchart
from headrace.streams.machines.drawing.layout import lay_out
from headrace.streams.machines.drawing.outline import draw_text
from headrace.streams.machines.drawing.ranks import DrawingError
from headrace.streams.machines.drawing.svg import Marks, StateMark, draw_svg

__all__ = ["DrawingError", "Marks", "StateMark", "machine_svg", "machine_text"]


def machine_svg(definition: dict[str, Any], marks: Marks | None = None) -> str:
    """Return a definition as an SVG document. `marks` colours its states, by name.

    Raises:
        DrawingError: The machine is too large.
    """
    comment = definition.get("Comment")
    return draw_svg(lay_out(flowchart(definition)), comment if isinstance(comment, str) else "State machine", marks)


def machine_text(definition: dict[str, Any]) -> str:
    """Return a definition as text."""
    return draw_text(flowchart(definition))
