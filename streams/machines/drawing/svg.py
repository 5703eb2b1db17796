"""Draw a picture as SVG: a self-contained document, or an element of a page that has the stylesheet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import hypot
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from headrace.schemas.safe_text import safe_text
from headrace.streams.machines.drawing.layout import (
    HEADER,
    MARKER,
    PADDING,
    TITLE,
    Line,
    MachinePicture,
    Panel,
    Point,
    StateBox,
)
from headrace.streams.machines.drawing.picture_style import COLOURS, RULES, TYPES

MarkStatus = Literal["running", "waiting", "succeeded", "failed", "caught", "aborted"]
BORDER = 16.0
CORNER = 10.0
SIGNS: Mapping[MarkStatus, str] = {
    "running": "●",
    "waiting": "◷",
    "succeeded": "✓",
    "failed": "✗",
    "caught": "!",
    "aborted": "■",
}
"""The sign of each status: colours alone are not visible to everyone."""


@dataclass(frozen=True, slots=True)
class StateMark:
    """The status of a state, and a text beside its sign, such as a count."""

    status: MarkStatus
    text: str = ""


Marks = Mapping[str, StateMark]
Links = Mapping[str, str]
"""Addresses by the name of the state."""


@dataclass(frozen=True, slots=True)
class _Notes:
    """What is known of states besides the definition."""

    marks: Marks
    links: Links


def draw_svg(picture: MachinePicture, title: str, marks: Marks | None = None) -> str:
    """Return a picture as an SVG document. `marks` colours states by their name."""
    body = "\n".join(_picture(picture, (BORDER, BORDER), _Notes(marks or {}, {})))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="machine-picture" role="img" {_frame(picture)}>'
    page = '<rect class="page" width="100%" height="100%"/>'
    return f"{head}\n<title>{_text(title)}</title>\n<style>{COLOURS}{RULES}</style>\n{page}\n{body}\n</svg>\n"


def draw_element(picture: MachinePicture, title: str, marks: Marks, links: Links) -> str:
    """Return a picture as an element of a page with the stylesheet `RULES`. States with a link lead to it."""
    body = "\n".join(_picture(picture, (BORDER, BORDER), _Notes(marks, links)))
    label = quoteattr(safe_text(title))
    return f'<svg class="machine-picture" role="group" aria-label={label} {_frame(picture)}>\n{body}\n</svg>'


def _frame(picture: MachinePicture) -> str:
    width, height = picture.size[0] + 2 * BORDER, picture.size[1] + 2 * BORDER
    return f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'


def _picture(picture: MachinePicture, at: Point, notes: _Notes) -> Iterator[str]:
    yield f'<g transform="translate({at[0]:.1f} {at[1]:.1f})">'
    for line in picture.lines:
        yield from _line(line)
    yield f'<circle class="start" cx="{picture.start[0]:.1f}" cy="{picture.start[1]:.1f}" r="{MARKER / 2}"/>'
    for box in picture.boxes:
        yield from _box(box, notes)
    for line in picture.lines:
        yield from _label(line)
    yield "</g>"


def _line(line: Line) -> Iterator[str]:
    kind = line.transition.kind if line.transition else "next"
    (x1, y1), (x2, y2) = line.points[-2:]
    length = hypot(x2 - x1, y2 - y1) or 1.0
    dx, dy = (x2 - x1) / length, (y2 - y1) / length
    tip = [(x2, y2), (x2 - 8 * dx - 4 * dy, y2 - 8 * dy + 4 * dx), (x2 - 8 * dx + 4 * dy, y2 - 8 * dy - 4 * dx)]
    shaft = (*line.points[:-1], (x2 - 6 * dx, y2 - 6 * dy))
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in tip)
    yield f'<g class="{kind}"><path class="line" d="{_rounded(shaft)}"/><polygon class="tip" points="{corners}"/></g>'


def _rounded(points: tuple[Point, ...]) -> str:
    """Return a path along points, with round corners."""
    path = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (before, corner), (_, after) in pairwise(pairwise(points)):
        first, last = _towards(corner, before), _towards(corner, after)
        path.append(f"L{first[0]:.1f} {first[1]:.1f}Q{corner[0]:.1f} {corner[1]:.1f} {last[0]:.1f} {last[1]:.1f}")
    return "".join([*path, f"L{points[-1][0]:.1f} {points[-1][1]:.1f}"])


def _towards(start: Point, end: Point) -> Point:
    length = hypot(end[0] - start[0], end[1] - start[1])
    part = min(CORNER, length / 2) / length if length else 0.0
    return start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part


def _label(line: Line) -> Iterator[str]:
    if line.transition is None or not line.transition.label:
        return
    x, y, width = *line.label_at, line.label_width
    yield (
        f'<g class="{line.transition.kind}"><rect class="back" x="{x - width / 2:.1f}" y="{y - 8:.1f}" '
        f'width="{width:.1f}" height="16" rx="3"/><text class="label" text-anchor="middle" x="{x:.1f}" '
        f'y="{y + 4:.1f}">{_text(line.transition.label)}</text></g>'
    )


def _box(box: StateBox, notes: _Notes) -> Iterator[str]:
    (x, y), (width, height), state = box.at, box.size, box.state
    mark, address = notes.marks.get(state.name), notes.links.get(state.name)
    yield "<g>" if address is None else f"<a href={quoteattr(address)}>"
    status = f", {mark.status} {mark.text}".rstrip() if mark else ""
    yield f"<title>{_text(f'{state.name} ({state.type}) {state.detail}'.strip() + status)}</title>"
    yield (
        f'<rect class="box{f" marked {mark.status}" if mark else ""}" x="{x:.1f}" y="{y:.1f}" '
        f'width="{width:.1f}" height="{height:.1f}" rx="6"/>'
    )
    kind = state.type if state.type in TYPES else "Pass"
    yield (f'<rect class="{kind}" x="{x:.1f}" y="{y + 6:.1f}" width="3" height="{min(height, HEADER) - 12:.1f}"/>')
    top = y + 17
    yield f'<text class="kind {kind}" x="{x + 12:.1f}" y="{top:.1f}">{_text(state.type)}</text>'
    for line in box.lines:
        top += 16
        yield f'<text class="name" x="{x + 12:.1f}" y="{top:.1f}">{_text(line)}</text>'
    if box.detail and not box.panels:
        yield f'<text class="detail" x="{x + 12:.1f}" y="{top + 14:.1f}">{_text(box.detail)}</text>'
    if state.ends:
        yield from _end(x + width - 12, y + 16)
    if mark:
        yield from _badge(x + width, y, mark)
    yield "</g>" if address is None else "</a>"
    if box.panels:
        yield f'<g class="inside" transform="translate({x:.1f} {y:.1f})">'
        for panel in box.panels:
            yield from _panel(panel, notes)
        yield "</g>"


def _end(x: float, y: float) -> Iterator[str]:
    """Draw the marker of a state that ends the machine."""
    at = f'cx="{x:.1f}" cy="{y:.1f}"'
    yield f'<circle class="end" {at} r="5"/><circle class="start" {at} r="2.5"/>'


def _badge(x: float, y: float, mark: StateMark) -> Iterator[str]:
    """Draw the sign of a status and its text, over the upper right corner of a box."""
    text = f"{SIGNS[mark.status]} {mark.text}".rstrip()
    width = 12 + 6 * len(text)
    yield (
        f'<rect class="badge {mark.status}" x="{x - width + 6:.1f}" y="{y - 8:.1f}" width="{width}" height="16" '
        f'rx="8"/>'
        f'<text class="count" text-anchor="middle" x="{x - width / 2 + 6:.1f}" y="{y + 4:.1f}">{_text(text)}</text>'
    )


def _panel(panel: Panel, notes: _Notes) -> Iterator[str]:
    (x, y), (width, height) = panel.at, panel.picture.size
    yield (
        f'<rect class="panel" x="{x - PADDING:.1f}" y="{y - TITLE - PADDING:.1f}" rx="5" '
        f'width="{width + 2 * PADDING:.1f}" height="{height + TITLE + 2 * PADDING:.1f}"/>'
        f'<text class="title" x="{x - PADDING + 8:.1f}" y="{y - TITLE:.1f}">{_text(panel.title)}</text>'
    )
    yield from _picture(panel.picture, panel.at, notes)


def _text(text: str) -> str:
    """Return text for XML, without invisible characters and secrets."""
    return escape(safe_text(text))
