"""Lay out a flowchart: boxes, lines and labels in pixels, with pictures inside the boxes of Parallel and Map."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from headrace.streams.machines.drawing.flowchart import Flowchart, FlowState, Transition
from headrace.streams.machines.drawing.order import order_layers
from headrace.streams.machines.drawing.place import place_nodes
from headrace.streams.machines.drawing.ranks import EdgeRoute, Link, Ranking, rank_nodes
from headrace.streams.machines.drawing.text_size import MAX_NAME, NAME_PIXELS, SMALL_PIXELS, columns, cut, name_lines

Point = tuple[float, float]
Extent = tuple[float, float]

RANK_GAP = 26.0
HEADER = 58.0
"""Height of the name of a state with machines inside it."""
PADDING = 14.0
TITLE = 18.0
MAX_ROW = 1_600.0
"""Branches continue in the next row beyond this width."""
MARKER = 16.0
"""Diameter of the marker of the start."""
LABEL_HEIGHT = 17.0
LOOP = 20.0


@dataclass(frozen=True, slots=True)
class Line:
    """A transition: its points from source to target, and the centre and width of its label."""

    transition: Transition | None
    points: tuple[Point, ...]
    label_at: Point
    label_width: float


@dataclass(frozen=True, slots=True)
class Panel:
    """A machine inside a state, at the position of its upper left corner."""

    title: str
    at: Point
    picture: MachinePicture


@dataclass(frozen=True, slots=True)
class StateBox:
    """A state, at the position of its upper left corner."""

    state: FlowState
    at: Point
    size: Extent
    lines: tuple[str, ...]
    detail: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class MachinePicture:
    """A laid-out machine."""

    size: Extent
    start: Point
    boxes: tuple[StateBox, ...]
    lines: tuple[Line, ...]


def lay_out(chart: Flowchart) -> MachinePicture:
    """Lay out a machine and the machines inside it.

    Raises:
        DrawingError: The machine is too large.
    """
    drafts = [_draft(state) for state in chart.states]
    numbers = {state.name: number for number, state in enumerate(chart.states, 1)}
    links, drawn = [], []
    for transition in chart.transitions:
        if transition.source != transition.target:
            label = (label_width(transition), LABEL_HEIGHT) if transition.label else None
            links.append(Link(numbers[transition.source], numbers[transition.target], label))
            drawn.append(transition)
    if chart.start in numbers:
        links.append(Link(0, numbers[chart.start]))
    loops = [each for each in chart.transitions if each.source == each.target]
    margins = {
        name: max(LOOP + label_width(each) for each in loops if each.source == name)
        for name in {each.source for each in loops}
    }
    sizes = [(MARKER, MARKER), *(_widened(draft, margins.get(draft.state.name, 0)) for draft in drafts)]
    ranking = rank_nodes(sizes, links, 0)
    frame = _Frame(ranking, place_nodes(ranking, order_layers(ranking, 0)), _rank_tops(ranking))
    boxes = tuple(_moved(draft, frame.centre(number)) for number, draft in enumerate(drafts, 1))
    lines = [
        _line(frame, route, transition, sizes)
        for route, transition in zip(ranking.routes, [*drawn, None], strict=False)
    ]
    lines += _loops(loops, boxes, numbers)
    return MachinePicture(frame.size(), frame.centre(0), boxes, tuple(lines))


def label_width(transition: Transition) -> float:
    """Return the width of a label in pixels."""
    return columns(transition.label) * SMALL_PIXELS + 8


def _widened(draft: StateBox, margin: float) -> Extent:
    return draft.size[0] + 2 * margin, draft.size[1]


@dataclass(frozen=True, slots=True)
class _Frame:
    """The positions of all nodes."""

    ranking: Ranking
    centres: Sequence[float]
    tops: Sequence[float]

    def centre(self, node: int) -> Point:
        rank = self.ranking.ranks[node]
        return self.centres[node], (self.tops[rank] + self.tops[rank + 1] - RANK_GAP) / 2

    def through(self, node: int) -> Iterator[Point]:
        """Yield where an edge enters and leaves the rank of one of its points, so that it passes tall boxes."""
        rank = self.ranking.ranks[node]
        yield self.centres[node], self.tops[rank]
        yield self.centres[node], self.tops[rank + 1] - RANK_GAP

    def size(self) -> Extent:
        right = max(centre + size[0] / 2 for centre, size in zip(self.centres, self.ranking.sizes, strict=True))
        return right, self.tops[-1] - RANK_GAP


def _rank_tops(ranking: Ranking) -> list[float]:
    """Return the upper end of each rank, and that of one more."""
    heights = [0.0] * (max(ranking.ranks) + 1)
    for rank, size in zip(ranking.ranks, ranking.sizes, strict=True):
        heights[rank] = max(heights[rank], size[1])
    tops = [0.0]
    for height in heights:
        tops.append(tops[-1] + height + RANK_GAP)
    return tops


def _draft(state: FlowState) -> StateBox:
    """Return the box of a state at the origin."""
    names = name_lines(state.name)
    detail = cut(state.detail, MAX_NAME + 6)
    width = max(110.0, *(columns(line) * NAME_PIXELS + 28 for line in names), columns(detail) * SMALL_PIXELS + 28)
    height = 30.0 + 16 * len(names) + (14 if detail else 0)
    panels = _panels(state)
    if panels:
        width = max(width, *(panel.at[0] + panel.picture.size[0] + 2 * PADDING for panel in panels))
        height = max(panel.at[1] + panel.picture.size[1] + 2 * PADDING for panel in panels)
    return StateBox(state, (0.0, 0.0), (width, height), names, detail, panels)


def _panels(state: FlowState) -> tuple[Panel, ...]:
    """Place the machines inside a state side by side, in rows."""
    panels: list[Panel] = []
    left, top, bottom = PADDING, HEADER, HEADER
    for title, chart in state.inner:
        picture = lay_out(chart)
        width = max(picture.size[0], columns(title) * SMALL_PIXELS)
        if panels and left + width > MAX_ROW:
            left, top = PADDING, bottom + 2 * PADDING
        panels.append(Panel(title, (left + PADDING, top + TITLE + PADDING), picture))
        bottom = max(bottom, top + TITLE + picture.size[1] + PADDING)
        left += width + 3 * PADDING
    return tuple(panels)


def _moved(box: StateBox, centre: Point) -> StateBox:
    at = centre[0] - box.size[0] / 2, centre[1] - box.size[1] / 2
    return StateBox(box.state, at, box.size, box.lines, box.detail, box.panels)


def _line(frame: _Frame, route: EdgeRoute, transition: Transition | None, sizes: Sequence[Extent]) -> Line:
    upper, *points, lower = route.nodes
    x, y = frame.centre(upper)
    path: list[Point] = [(x, y + sizes[upper][1] / 2)]
    for point in points:
        path += frame.through(point)
    x, y = frame.centre(lower)
    path.append((x, y - sizes[lower][1] / 2))
    label = (points[-1] if route.upwards else points[0]) if points else upper
    width = label_width(transition) if transition and transition.label else 0.0
    return Line(transition, tuple(reversed(path) if route.upwards else path), frame.centre(label), width)


def _loops(loops: Sequence[Transition], boxes: Sequence[StateBox], numbers: dict[str, int]) -> Iterator[Line]:
    """Yield the transitions of states to themselves, at the right side of their boxes, one above the other."""
    drawn: Counter[str] = Counter()
    for transition in loops:
        box = boxes[numbers[transition.source] - 1]
        right, middle = box.at[0] + box.size[0], box.at[1] + 16 + drawn[transition.source] * LABEL_HEIGHT
        drawn[transition.source] += 1
        points = ((right, middle - 6), (right + LOOP, middle - 6), (right + LOOP, middle + 6), (right, middle + 6))
        width = label_width(transition)
        yield Line(transition, points, (right + LOOP + width / 2, middle), width)
