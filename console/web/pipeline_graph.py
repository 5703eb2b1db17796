"""Lay out the stages, rules, topics and sinks of a pipeline from left to right."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from headrace.schemas.topics import dead_letters
from headrace.streams.handlers import Router, RouteTarget
from headrace.streams.machines.drawing.order import order_layers
from headrace.streams.machines.drawing.place import place_nodes
from headrace.streams.machines.drawing.ranks import Link, Ranking, rank_nodes
from headrace.streams.routing.rule import TOPIC
from headrace.streams.stage import Stage

NodeKind = Literal["stage", "rule", "shadow", "fan-in", "topic", "sink"]

STAGE_WIDTH = 144.0
LINE, PADDING = 15.0, 9.0
NAME_CHARACTER, CHARACTER = 7.8, 7.0
"""Mean width of a character in pixels: 13 px semibold and 11.5 px."""
TOPIC_HEIGHT = 22.0
LONGEST_DETAIL, LONGEST_LABEL = 19, 28
"""Characters, of which the page shows all when the pointer is on them."""
ROW_GAP, RANK_GAP = 12.0, 15.0
MARGIN = 8.0
WIDEST_SCALED = 1150.0
"""A wider graph is not scaled down on small screens, as its texts would be too small, but scrolled."""
MANY_INPUTS = 6
"""A stage that reads more topics is drawn without their edges: it joins what all others write."""


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A stage, rule, topic or sink, with its upper left corner and its size in pixels.

    `label` and `detail` are shown, `title` has them in full. A stage `has_slots` if its jobs have a quota.
    """

    kind: NodeKind
    name: str
    label: str
    detail: str
    title: str
    has_slots: bool
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """The path of an edge, as data of an SVG path. A `shadow` edge carries no records."""

    source: str
    target: str
    path: str
    shadow: bool


@dataclass(frozen=True, slots=True)
class PipelineGraph:
    """A picture of a pipeline. `steps` are its stages and rules in the order of their ranks."""

    width: float
    height: float
    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    steps: tuple[Stage, ...]

    @property
    def is_wide(self) -> bool:
        """Whether small screens scroll it at its full size."""
        return self.width > WIDEST_SCALED


@dataclass(frozen=True, slots=True)
class _Vertex:
    """A node without its position."""

    kind: NodeKind
    name: str
    label: str
    detail: str
    width: float
    height: float
    has_slots: bool = False

    @property
    def key(self) -> str:
        """Stages, topics and sinks may have the same names."""
        return f"{self.kind if self.kind in ('topic', 'sink') else 'stage'} {self.name}"


def draw_pipeline(stages: Sequence[Stage], limited: frozenset[str] = frozenset()) -> PipelineGraph:
    """Lay out a pipeline. Topics that a stage writes are part of it, as are its retry and dead-letter topics.

    `limited` are the stages whose jobs have a quota.
    """
    vertices = {each.key: each for each in (_stage_vertex(stage, stage.name in limited) for stage in stages)}
    links: dict[tuple[str, str], bool] = {}
    for source, target, shadow in _connections(stages):
        for each in (source, target):
            vertices.setdefault(each.key, each)
        links[source.key, target.key] = shadow
    return _layout(list(vertices.values()), links, stages)


def _connections(stages: Sequence[Stage]) -> Iterator[tuple[_Vertex, _Vertex, bool]]:
    """Yield the two ends of each edge, and whether it carries no records."""
    own = {stage.name: _stage_vertex(stage) for stage in stages}
    writers = {dead_letters(stage.name).name: stage.name for stage in stages}
    writers |= {stage.writes.name: stage.name for stage in stages if stage.writes}
    targets = {stage.name: target for stage in stages if (target := target_of(stage))}
    forwarded = {target.address for target in targets.values() if target.kind == TOPIC}
    for stage in stages:
        for topic in stage.reads if len(stage.reads) <= MANY_INPUTS else ():
            writer = writers.get(topic.name)
            if writer is not None and writer != stage.name:
                yield own[writer], own[stage.name], False
            if writer is None or topic.name in forwarded:
                yield _topic_vertex(topic.name), own[stage.name], False
        if target := targets.get(stage.name):
            yield own[stage.name], _target_vertex(target), target.shadow


def target_of(stage: Stage) -> RouteTarget | None:
    """Return the target of a rule; None for any other stage."""
    return stage.handler.target if isinstance(stage.handler, Router) else None


def target_label(target: RouteTarget) -> str:
    """Return the kind and the last part of the address; of a URL its host, as its path may be a secret."""
    scheme, _, rest = target.address.partition("://")
    host = re.split(r"[/?#]", rest)[0].rpartition("@")[2]
    return f"{target.kind} {host or scheme.rpartition(':')[2]}"


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _stage_vertex(stage: Stage, has_slots: bool = False) -> _Vertex:
    kind, detail = _kind(stage)
    width = max(STAGE_WIDTH, 20 + len(stage.name) * NAME_CHARACTER)
    lines = 2 + bool(detail) + has_slots
    return _Vertex(kind, stage.name, stage.name, detail, width, lines * LINE + 2 * PADDING, has_slots)


def _kind(stage: Stage) -> tuple[NodeKind, str]:
    target = target_of(stage)
    if target is not None:
        return ("shadow", "rule, delivers nothing") if target.shadow else ("rule", "rule")
    if len(stage.reads) > MANY_INPUTS:
        return "fan-in", f"reads {len(stage.reads)} topics"
    return "stage", f"→ {stage.writes.name}" if stage.writes else ""


def _topic_vertex(name: str) -> _Vertex:
    return _pill("topic", name, name)


def _target_vertex(target: RouteTarget) -> _Vertex:
    if target.kind == TOPIC:
        return _topic_vertex(target.address)
    return _pill("sink", f"{target.kind} {target.address}", target_label(target))


def _pill(kind: NodeKind, name: str, label: str) -> _Vertex:
    label = _short(label, LONGEST_LABEL)
    return _Vertex(kind, name, label, "", len(label) * CHARACTER + 20, TOPIC_HEIGHT)


def _layout(
    vertices: Sequence[_Vertex], links: Mapping[tuple[str, str], bool], stages: Sequence[Stage]
) -> PipelineGraph:
    numbers = {each.key: number for number, each in enumerate(vertices)}
    start = next((number for number, each in enumerate(vertices) if each.kind == "topic"), 0)
    # The layout goes from top to bottom: its x is our y.
    ends = [Link(numbers[source], numbers[target]) for source, target in links]
    ranking = rank_nodes([(each.height, each.width) for each in vertices], ends, start)
    rows, columns = place_nodes(ranking, order_layers(ranking, start), ROW_GAP), _columns(ranking)
    nodes = tuple(
        GraphNode(
            each.kind,
            each.name,
            each.label,
            _short(each.detail, LONGEST_DETAIL),
            f"{each.name} {each.detail}".strip(),
            each.has_slots,
            columns[ranking.ranks[number]][0] + MARGIN,
            rows[number] - each.height / 2 + MARGIN,
            each.width,
            each.height,
        )
        for number, each in enumerate(vertices)
    )
    edges = tuple(
        GraphEdge(
            vertices[numbers[source]].name,
            vertices[numbers[target]].name,
            _path(route.nodes, nodes, ranking, rows, columns),
            shadow,
        )
        for ((source, target), shadow), route in zip(links.items(), ranking.routes, strict=True)
    )
    height = max((row + size[0] / 2 for row, size in zip(rows, ranking.sizes, strict=True)), default=0.0)
    steps = sorted(stages, key=lambda stage: ranking.ranks[numbers[f"stage {stage.name}"]])
    return PipelineGraph(columns[-1][1] + 2 * MARGIN, height + 2 * MARGIN, nodes, edges, tuple(steps))


def _columns(ranking: Ranking) -> list[tuple[float, float]]:
    """Return the left and right end of each rank."""
    widths = [0.0] * (max(ranking.ranks, default=0) + 1)
    for rank, size in zip(ranking.ranks, ranking.sizes, strict=True):
        widths[rank] = max(widths[rank], size[1])
    columns, left = [], 0.0
    for width in widths:
        columns.append((left, left + width))
        left += width + RANK_GAP
    return columns


def _path(
    route: Sequence[int],
    nodes: Sequence[GraphNode],
    ranking: Ranking,
    rows: Sequence[float],
    columns: Sequence[tuple[float, float]],
) -> str:
    """Return a curve from the right end of the first node to the left end of the last one."""
    first, last = nodes[route[0]], nodes[route[-1]]
    points = [(first.x + first.width, first.y + first.height / 2)]
    for number in route[1:-1]:
        left, right = columns[ranking.ranks[number]]
        points += [(left + MARGIN, rows[number] + MARGIN), (right + MARGIN, rows[number] + MARGIN)]
    points.append((last.x, last.y + last.height / 2))
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x, y), (to_x, to_y) in pairwise(points):
        bend = (to_x - x) / 2
        path += f"C{x + bend:.1f} {y:.1f} {to_x - bend:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
    return path
