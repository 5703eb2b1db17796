"""Draw a picture as SVG: self-contained, for light and dark pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import hypot
from typing import Literal
from xml.sax.saxutils import escape

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

Status = Literal["running", "waiting", "succeeded", "failed", "caught", "aborted"]
BORDER = 16.0
CORNER = 10.0


@dataclass(frozen=True, slots=True)
class StateMark:
    """How a state went in an execution: its status, and how often it was entered."""

    status: Status
    count: int = 1


Marks = Mapping[str, StateMark]

_STYLE = """
svg { --page: #ffffff; --ink: #1f2328; --soft: #59636e; --edge: #8b949e; --box: #f6f8fa; --inner: #ffffff;
  --Task: #0969da; --Choice: #9a6700; --Parallel: #8250df; --Map: #8250df; --Wait: #57606a; --Pass: #57606a;
  --Succeed: #1a7f37; --Fail: #cf222e; --running: #0969da; --waiting: #9a6700; --succeeded: #1a7f37;
  --failed: #cf222e; --caught: #bc4c00; --aborted: #57606a;
  font-family: ui-sans-serif, system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
@media (prefers-color-scheme: dark) {
  svg { --page: #0d1117; --ink: #e6edf3; --soft: #9198a1; --edge: #7d8590; --box: #161b22; --inner: #0d1117;
    --Task: #4493f8; --Choice: #d29922; --Parallel: #ab7df8; --Map: #ab7df8; --Wait: #9198a1; --Pass: #9198a1;
    --Succeed: #3fb950; --Fail: #f85149; --running: #4493f8; --waiting: #d29922; --succeeded: #3fb950;
    --failed: #f85149; --caught: #db6d28; --aborted: #9198a1; }
}
.page { fill: var(--page); }
.box { fill: var(--box); stroke: var(--edge); stroke-width: 1; }
.panel { fill: var(--inner); stroke: var(--edge); stroke-width: 1; stroke-dasharray: 2 3; }
.marked { stroke-width: 2.5; }
.name { fill: var(--ink); font-size: 13px; font-weight: 600; }
.kind { font-size: 10px; font-weight: 600; letter-spacing: .04em; }
.detail, .label, .title { fill: var(--soft); font-size: 11px; }
.badge { fill: var(--page); font-size: 10px; font-weight: 700; }
.line { fill: none; stroke: var(--edge); stroke-width: 1.4; }
.catch .line { stroke: var(--caught); stroke-dasharray: 5 4; }
.back { fill: var(--page); }
.inside .back { fill: var(--inner); }
.tip { fill: var(--edge); }
.catch .tip, .catch .label { fill: var(--caught); }
.start { fill: var(--ink); }
.end { fill: none; stroke: var(--ink); stroke-width: 1.4; }
"""


def draw_svg(picture: MachinePicture, title: str, marks: Marks | None = None) -> str:
    """Return a picture as an SVG document. `marks` colours states by their name."""
    width, height = picture.size[0] + 2 * BORDER, picture.size[1] + 2 * BORDER
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img">'
    )
    body = "\n".join(_picture(picture, (BORDER, BORDER), marks or {}))
    page = '<rect class="page" width="100%" height="100%"/>'
    return f"{head}\n<title>{_text(title)}</title>\n<style>{_STYLE}</style>\n{page}\n{body}\n</svg>\n"


def _picture(picture: MachinePicture, at: Point, marks: Marks) -> Iterator[str]:
    yield f'<g transform="translate({at[0]:.1f} {at[1]:.1f})">'
    for line in picture.lines:
        yield from _line(line)
    yield f'<circle class="start" cx="{picture.start[0]:.1f}" cy="{picture.start[1]:.1f}" r="{MARKER / 2}"/>'
    for box in picture.boxes:
        yield from _box(box, marks)
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


def _box(box: StateBox, marks: Marks) -> Iterator[str]:
    (x, y), (width, height), state = box.at, box.size, box.state
    mark = marks.get(state.name)
    colour = f'style="stroke:var(--{mark.status})"' if mark else ""
    yield f"<g><title>{_text(f'{state.name} ({state.type}) {state.detail}'.strip())}</title>"
    yield (
        f'<rect class="box{" marked" if mark else ""}" {colour} x="{x:.1f}" y="{y:.1f}" '
        f'width="{width:.1f}" height="{height:.1f}" rx="6"/>'
    )
    kind = state.type if state.type.isascii() and state.type.isalpha() else "Pass"
    yield (
        f'<rect x="{x:.1f}" y="{y + 6:.1f}" width="3" height="{min(height, HEADER) - 12:.1f}" '
        f'style="fill:var(--{kind})"/>'
    )
    top = y + 17
    yield f'<text class="kind" style="fill:var(--{kind})" x="{x + 12:.1f}" y="{top:.1f}">{_text(state.type)}</text>'
    for line in box.lines:
        top += 16
        yield f'<text class="name" x="{x + 12:.1f}" y="{top:.1f}">{_text(line)}</text>'
    if box.detail and not box.panels:
        yield f'<text class="detail" x="{x + 12:.1f}" y="{top + 14:.1f}">{_text(box.detail)}</text>'
    if state.ends:
        yield from _end(x + width - 12, y + 12)
    if mark and mark.count > 1:
        yield from _badge(x + width, y, mark)
    yield "</g>"
    if box.panels:
        yield f'<g class="inside" transform="translate({x:.1f} {y:.1f})">'
        for panel in box.panels:
            yield from _panel(panel, marks)
        yield "</g>"


def _end(x: float, y: float) -> Iterator[str]:
    """Draw the marker of a state that ends the machine."""
    at = f'cx="{x:.1f}" cy="{y:.1f}"'
    yield f'<circle class="end" {at} r="5"/><circle class="start" {at} r="2.5"/>'


def _badge(x: float, y: float, mark: StateMark) -> Iterator[str]:
    text = f"×{mark.count:,}"
    width = 10 + 6 * len(text)
    yield (
        f'<rect x="{x - width + 6:.1f}" y="{y - 8:.1f}" width="{width}" height="16" rx="8" '
        f'style="fill:var(--{mark.status})"/><text class="badge" text-anchor="middle" '
        f'x="{x - width / 2 + 6:.1f}" y="{y + 4:.1f}">{text}</text>'
    )


def _panel(panel: Panel, marks: Marks) -> Iterator[str]:
    (x, y), (width, height) = panel.at, panel.picture.size
    yield (
        f'<rect class="panel" x="{x - PADDING:.1f}" y="{y - TITLE - PADDING:.1f}" rx="5" '
        f'width="{width + 2 * PADDING:.1f}" height="{height + TITLE + 2 * PADDING:.1f}"/>'
        f'<text class="title" x="{x - PADDING + 8:.1f}" y="{y - TITLE:.1f}">{_text(panel.title)}</text>'
    )
    yield from _picture(panel.picture, panel.at, marks)


def _text(text: str) -> str:
    """Return text for XML, without invisible characters and secrets."""
    return escape(safe_text(text))
