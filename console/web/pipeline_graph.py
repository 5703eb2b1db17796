"""Lay out the stages and topics of a pipeline from left to right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from headrace.schemas.topics import Topic
from headrace.streams.handlers import Router
from headrace.streams.machines.drawing.order import order_layers
from headrace.streams.machines.drawing.place import place_nodes
from headrace.streams.machines.drawing.ranks import Link, Ranking, rank_nodes
from headrace.streams.stage import Stage

NodeKind = Literal["stage", "rule", "topic", "fan-in"]

STAGE = (150.0, 46.0)
CHARACTER = 6.6
"""Width of a character of a topic in pixels."""
TOPIC_HEIGHT = 22.0
RANK_GAP = 34.0
MARGIN = 8.0
MANY_INPUTS = 6
"""A stage that reads more topics is drawn without their edges: it joins what all others write."""


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A stage or a topic, with its upper left corner and its size in pixels."""

    kind: NodeKind
    name: str
    detail: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """The path of an edge, as data of an SVG path."""

    source: str
    target: str
    path: str


@dataclass(frozen=True, slots=True)
class PipelineGraph:
    """A picture of a pipeline."""

    width: float
    height: float
    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]


@dataclass(frozen=True, slots=True)
class _Vertex:
    """A node without its position."""

    kind: NodeKind
    name: str
    detail: str
    width: float
    height: float


def draw_pipeline(stages: Sequence[Stage]) -> PipelineGraph:
    """Lay out a pipeline. Retry and dead-letter topics are part of their stage."""
    vertices = [_stage_vertex(stage) for stage in stages]
    numbers = {topic.name: number for number, topic in enumerate(_topics(stages), len(stages))}
    vertices += [_topic_vertex(name) for name in numbers]
    links = []
    for number, stage in enumerate(stages):
        if len(stage.reads) <= MANY_INPUTS:
            links += [Link(numbers[topic.name], number) for topic in stage.reads]
        if stage.writes:
            links.append(Link(number, numbers[stage.writes.name]))
    # The layout goes from top to bottom: its x is our y.
    ranking = rank_nodes([(each.height, each.width) for each in vertices], links, _start(numbers))
    rows = place_nodes(ranking, order_layers(ranking, _start(numbers)))
    columns = _columns(ranking)
    nodes = tuple(
        GraphNode(
            each.kind,
            each.name,
            each.detail,
            columns[ranking.ranks[number]][0] + MARGIN,
            rows[number] - each.height / 2 + MARGIN,
            each.width,
            each.height,
        )
        for number, each in enumerate(vertices)
    )
    edges = tuple(
        GraphEdge(
            vertices[route.nodes[0]].name,
            vertices[route.nodes[-1]].name,
            _path(route.nodes, nodes, ranking, rows, columns),
        )
        for route in ranking.routes
    )
    height = max((row + size[0] / 2 for row, size in zip(rows, ranking.sizes, strict=True)), default=0.0)
    return PipelineGraph(columns[-1][1] + 2 * MARGIN, height + 2 * MARGIN, nodes, edges)


def _topics(stages: Sequence[Stage]) -> list[Topic]:
    """Return the topics between stages, in the order of the pipeline."""
    found: dict[str, Topic] = {}
    for stage in stages:
        few = stage.reads if len(stage.reads) <= MANY_INPUTS else ()
        for topic in (*few, *((stage.writes,) if stage.writes else ())):
            found.setdefault(topic.name, topic)
    return list(found.values())


def _start(numbers: dict[str, int]) -> int:
    return min(numbers.values(), default=0)


def _stage_vertex(stage: Stage) -> _Vertex:
    if isinstance(stage.handler, Router):
        return _Vertex("rule", stage.name, "rule", *STAGE)
    if len(stage.reads) > MANY_INPUTS:
        return _Vertex("fan-in", stage.name, f"reads {len(stage.reads)} topics", *STAGE)
    return _Vertex("stage", stage.name, "", *STAGE)


def _topic_vertex(name: str) -> _Vertex:
    return _Vertex("topic", name, "", len(name) * CHARACTER + 20, TOPIC_HEIGHT)


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
